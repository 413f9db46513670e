"""What is done once before the parts start: tables brought up to date, and a new shop filled.

A process of its own (`python -m minimart.prepare`), so that the supervisor does not carry the database code. It reads
the same settings as the parts. A database that cannot be used is one line and exit code 2.
"""

from db.clock import SystemClock
from db.engine import make_engine
from db.errors import DatabaseNotUsable, WrongDatabaseUrl
from db.migrate import upgrade
from db.seed.shop import seed_shop
from mesh.logs import configure_logging
from mesh.settings import load_settings, refuse_start
from minimart.config import Settings

DATABASE_WAIT_SECONDS = 3.0


def main() -> None:
    """Migrates and seeds the database that the environment names."""
    settings = load_settings(Settings)
    configure_logging("prepare", settings.log_level)
    try:
        engine = make_engine(settings.database, SystemClock(), pool_size=1)
        upgrade(engine, wait_seconds=DATABASE_WAIT_SECONDS)
    except (DatabaseNotUsable, WrongDatabaseUrl) as error:
        refuse_start(str(error))
    seed_shop(engine, SystemClock())
    engine.dispose()


if __name__ == "__main__":
    main()
