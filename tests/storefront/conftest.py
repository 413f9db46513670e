"""A storefront for each test, over both databases, with a small orders_svc behind real gRPC."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine, event, insert

from db.clock import SystemClock
from db.engine import make_engine
from db.orders.stock import Stock, Warehouse
from db.seed.shop import seed_shop
from mesh.channel import open_channel
from storefront.accounts.passwords import Passwords
from storefront.bootstrap import Storefront, build
from storefront.config import Settings
from tests.storefront.fake_orders import TOKENS, FakeOrders, serving
from tests.storefront.visitor import Visitor

CHEAP = Passwords(memory_kib=8, passes=1)


@dataclass
class ShiftedClock:
    """The real time, moved on at will."""

    ahead: float = 0.0
    real: SystemClock = field(default_factory=SystemClock)

    def now(self) -> float:
        return self.real.now() + self.ahead


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def engine(database_url: str, clock: ShiftedClock) -> Iterator[Engine]:
    engine = make_engine(database_url, clock)
    seed_shop(engine, clock)
    yield engine
    engine.dispose()


@pytest.fixture
def orders(engine: Engine) -> FakeOrders:
    return FakeOrders(engine)


@pytest.fixture
def settings() -> dict[str, object]:
    """Settings of this test's storefront; a test that wants others overrides this fixture or changes it."""
    return {"storefront_order_deadline": 2.0}


@pytest.fixture
def build_shop(
    engine: Engine, orders: FakeOrders, clock: ShiftedClock, settings: dict[str, object]
) -> Iterator[Callable[[], Storefront]]:
    with serving(orders) as server:
        channel = open_channel(f"127.0.0.1:{server.port}", TOKENS.token_of("storefront"))

        def build_it() -> Storefront:
            return build(
                Settings(**settings),  # type: ignore[arg-type]
                engine=engine,
                clock=clock,
                channel=channel,
                secret_key="a key for tests only, long enough to be one",
                passwords=CHEAP,
            )

        yield build_it
        channel.close()


@pytest.fixture
def shop(build_shop: Callable[[], Storefront]) -> Storefront:
    return build_shop()


@pytest.fixture
def visitor(shop: Storefront) -> Visitor:
    return Visitor(shop.app.test_client())


@pytest.fixture
def another(shop: Storefront) -> Visitor:
    return Visitor(shop.app.test_client())


@pytest.fixture
def put_stock(engine: Engine) -> Callable[..., None]:
    """Writes stock as orders_svc would: put_stock(offer_id, available=..., ordered=..., awaited=...)."""
    with engine.begin() as connection:
        connection.execute(
            insert(Warehouse),
            [{"id": 1, "name": "Harbour", "x": 0, "y": 0}, {"id": 2, "name": "Hill", "x": 9, "y": 9}],
        )

    def put(offer_id: int, *, warehouse_id: int = 1, world_epoch: int = 1, **units: int) -> None:
        row = dict.fromkeys(("available", "reserved", "packed", "scrapped", "ordered", "awaited"), 0) | units
        row["arrived"] = row["available"] + row["reserved"] + row["packed"] + row["scrapped"]
        with engine.begin() as connection:
            connection.execute(
                insert(Stock).values(world_epoch=world_epoch, offer_id=offer_id, warehouse_id=warehouse_id, **row)
            )

    return put


@pytest.fixture
def count_queries(engine: Engine) -> Callable[[], list[str]]:
    """The statements since the last call, without those that begin a transaction."""
    seen: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    def take() -> list[str]:
        taken = seen[:]
        seen.clear()
        return taken

    return take
