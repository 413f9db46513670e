"""The tables' history, for Alembic; `db.migrate.upgrade` runs it."""
