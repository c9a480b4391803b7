"""Findings that a reader has decided, and which drafts are held to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is decided in the studies that are there."""
    op.add_column("study", sa.Column("decided", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """What readers decided is lost."""
    op.drop_column("study", "decided")
