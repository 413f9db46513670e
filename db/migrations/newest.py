"""Alembic, which makes the revisions: `db.migrate` imports this only when one is due, since reading it takes long."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

FOLDER = Path(__file__).parent


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, which needs no file; `connection` is in a transaction already."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection) -> None:
    """Runs all revisions that the database has not seen."""
    command.upgrade(alembic_config(connection), "head")
