"""`python -m storefront`: the shop in the browser, in the foreground until SIGTERM or SIGINT.

A wrong setting ends the start with exit code 2, anything else that is in the way with exit code 1; both in one line.
"""

import argparse
import sys
from typing import NoReturn

from db.clock import SystemClock
from db.engine import make_engine
from db.errors import DatabaseNotUsable
from db.migrate import upgrade
from db.seed.shop import seed_shop
from mesh.channel import open_channel
from mesh.identity import Tokens, TokensError, ensure_tokens_file
from mesh.logs import configure_logging, get_logger
from mesh.settings import load_settings
from storefront import orders_client
from storefront.bootstrap import Storefront, build
from storefront.config import Settings
from storefront.operator import client as operations
from storefront.secret_key import SecretKeyError, load_secret_key
from storefront.serving import PortInUse, Server, listen

# Connections to the database: fewer than threads, since most threads wait for something else.
POOL_SIZE = 8


def main() -> None:
    """Prepares what the worker needs, then serves."""
    argparse.ArgumentParser(prog="python -m storefront", description=__doc__).parse_args()
    settings = load_settings(Settings)
    configure_logging("storefront", settings.log_level)
    try:
        listener = listen(settings.storefront_listen)
        _prepare_database(settings)
        ensure_tokens_file(settings.tokens_path)
        token = Tokens.load(settings.tokens_path).token_of("storefront")
        secret_key = load_secret_key(settings.secret_key_path)
    except (PortInUse, DatabaseNotUsable, TokensError, SecretKeyError) as error:
        _give_up(str(error))
    address = "{}:{}".format(*listener.getsockname()[:2])

    def build_here() -> Storefront:
        clock = SystemClock()
        return build(
            settings,
            engine=make_engine(settings.database_url, clock, pool_size=POOL_SIZE),
            clock=clock,
            channel=open_channel(
                settings.orders_address, token, idempotent=(*orders_client.IDEMPOTENT, *operations.IDEMPOTENT)
            ),
            secret_key=secret_key,
        )

    get_logger(__name__).info("listening", address=f"http://{address}", orders=settings.orders_address)
    Server(build_here, listener, settings.storefront_threads + settings.storefront_event_streams).run()


def _prepare_database(settings: Settings) -> None:
    clock = SystemClock()
    engine = make_engine(settings.database_url, clock)
    try:
        upgrade(engine, wait_seconds=settings.database_wait, own_folder=settings.data_dir)
        seed_shop(engine, clock)
    finally:
        # The worker is forked: no connection may be shared with it.
        engine.dispose()


def _give_up(message: str) -> NoReturn:
    print(" ".join(message.split()), file=sys.stderr)  # noqa: T201 - the line that a person reads
    raise SystemExit(1)


if __name__ == "__main__":
    main()
