"""Alembic's entry; the connection comes from ``Store.migrate``."""

from __future__ import annotations

from alembic import context

from wetread.room.store import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
