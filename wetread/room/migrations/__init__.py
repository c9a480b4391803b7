"""Alembic's migrations of the room's database, run by ``Store.migrate``."""
