"""How a command finds the running shop: its addresses from run.json or --orders, its tokens, its database.

Elsewhere: starting it is minimart.up.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from db.clock import SystemClock
from db.engine import make_engine, read_only
from db.errors import WrongDatabaseUrl, one_line, target_of
from mesh.channel import open_channel
from mesh.errors import RpcFailure, read_error
from mesh.identity import Tokens, TokensError
from mesh.settings import load_settings
from minimart.config import Settings
from minimart.failure import Failure, Wrong
from minimart.installation import Run, read_run

CALLER = "cli"
ORDERS_METHODS = [f"shop.orders.v1.OrdersService/{name}" for name in ("PlaceOrder", "GetOrder", "ListOrders")]


@dataclass(frozen=True, slots=True)
class System:
    """A shop that runs somewhere, as a command reaches it. `run` None: only --orders says where it is."""

    orders: str
    database: str
    tokens: Path
    run: Run | None

    @contextmanager
    def channel(self, address: str | None = None) -> Iterator[grpc.Channel]:
        """A channel to orders_svc, or to another part's `address`, with the command line's token."""
        try:
            token = Tokens.load(self.tokens).token_of(CALLER)
        except TokensError as error:
            raise Failure(str(error)) from error
        with open_channel(address or self.orders, token, idempotent=ORDERS_METHODS) as channel:
            yield channel

    def reading(self) -> AbstractContextManager[Connection]:
        """The shop's database, to read from. Failure: it cannot be reached."""
        return self._transaction(read_only)

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction on the shop's database, committed at the end. Failure: it cannot be reached."""
        return self._transaction(lambda engine: engine)

    @contextmanager
    def _transaction(self, kind: Callable[[Engine], Engine]) -> Iterator[Connection]:
        try:
            engine = make_engine(self.database, SystemClock(), pool_size=1)
        except WrongDatabaseUrl as error:
            raise Wrong(str(error)) from error
        file = engine.url.database
        if engine.dialect.name == "sqlite" and not (file and Path(file).exists()):
            raise Failure(f"there is no database {file}: is the shop in another data folder (--data)?")
        try:
            with kind(engine).begin() as connection:
                yield connection
        except DBAPIError as error:
            raise Failure(f"cannot use {target_of(engine)}: {one_line(error, engine.url)}") from error
        finally:
            engine.dispose()


def find_system(data: Path | None, orders: str | None) -> System:
    """The shop of the data folder, or the one whose orders service is named. Failure: there is none."""
    settings = load_settings(Settings, data_dir=data) if data else load_settings(Settings)
    run = read_run(settings.data_dir)
    if run is None and orders is None:
        raise Failure(f"no shop has been started in {settings.data_dir}: `minimart up`, or say where it is with --data")
    if run is None or orders is not None:
        return System(orders or "", settings.database, settings.tokens_path, None)
    return System(run.addresses["orders"], settings.database_url or run.database, settings.tokens_path, run)


def failure_of(error: grpc.RpcError, system: System) -> Failure:
    """What a failed call means to the person at the command line."""
    failure = read_error(error)
    silent = failure.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    if silent and failure.reason == failure.code.name:
        return Failure(f"the shop's orders service at {system.orders} does not answer: is it up? (minimart doctor)")
    said = describe(failure)
    return Wrong(said) if failure.code is grpc.StatusCode.INVALID_ARGUMENT else Failure(said)


def describe(failure: RpcFailure) -> str:
    """One line: fields first, where the refusal names them."""
    if failure.violations:
        return "; ".join(f"{violation.field}: {violation.description}" for violation in failure.violations)
    return f"{failure.message} ({failure.reason})"
