"""What a page costs with 100,000 products and 1,000,000 order lines on PostgreSQL, four requests at a time.

orders_svc and one storefront worker run as they do anywhere; the tables are filled by SQL, with shoppers who are logged
in, have full carts and a long history. Every parcel has its steps; one order in ten is under way, at one of the stages,
and the last that were delivered say when it comes. No bridge runs: the links are only said to be well. The time of a
page runs from its request to its last byte, pictures apart. It depends on what else the machine does; what a page takes
of the processors, which is asked for kind by kind, does less: its limit is what all of them have, divided among those
who ask at once, in the time that a page may take.
"""

import http.client
import os
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from sqlalchemy import text

from db.clock import SystemClock
from db.engine import make_engine, read_only
from proof.bench_pages import register
from proof.figures import Figure, percentile
from proof.postgres import PostgresServer
from proof.processes import free_address, running, wait_for_health, wait_for_page
from proof.usage import cpu_seconds

PRODUCTS, ORDERS, LINES = 100_000, 200_000, 5
SHOPPERS, OWN_ORDERS, IN_CART = 20, 60, 12
CALLERS = 4
SECONDS = 15.0
WARM_UP_SECONDS = 3.0
ALONE_SECONDS = 4.0
PATIENCE_SECONDS = 60.0
LIMIT_MS = 50.0
# Ids above those of the seed.
FIRST = 1000
# Of the orders of each shopper, one in so many is under way.
UNDER_WAY = 10
STAGE_SECONDS = 300
UNDER_WAY_PAGE, EXPECTED = "order page under way", b"Expected between"
KINDS_OF_PAGES = ("product page", "cart", "search", "orders", "order page", UNDER_WAY_PAGE)
WORDS = (
    "lamp mug kettle chair rope tent globe puzzle rake hammer honey mirror basket towel candle clock vase ladle bowl"
)
KINDS = (
    "oak steel copper woven linen cotton folded tall quiet bright heavy light smooth rough antique modern green blue"
)

_FILL = (
    "insert into users (id, email, email_key, created_at) select g, 'u' || g, 'u' || g, 1 from"
    " generate_series({first}, {first} + 20099) g",
    "insert into profiles (user_id, display_name, is_seller, ups_account) select g, 'Seller ' || g, g < {first} + 100,"
    " '' from generate_series({first}, {first} + 20099) g",
    # The title's words come from the number, so that each is in some thousands of titles and descriptions.
    "insert into products (id, title, description, search_text, category_id, picture, created_at, units_sold, rating)"
    " select g, t, d, t || E'\\n' || d || E'\\nshelf', 1 + g % 8, 'mug-1', g, g * 7 % 1000, g * 13 % 500 / 100.0"
    " from (select g, k[1 + g % 18] || ' ' || w[1 + g / 18 % 19] || ' ' || g as t, 'made of ' || k[1 + g / 7 % 18] ||"
    " ', goes well with a ' || w[1 + g / 11 % 19] || ' and a ' || w[1 + g / 13 % 19] || ' of any size' as d from"
    " generate_series({first}, {first} + {products} - 1) g, (select string_to_array('{words}', ' ') w,"
    " string_to_array('{kinds}', ' ') k) lists) made",
    "insert into offers (id, product_id, seller_id, price_cents, allow_backorder, created_at) select g * 2 + n, g,"
    " {first} + (g + n) % 100, 100 + (g * 31 + n * 977) % 50000, false, 1 from"
    " generate_series({first}, {first} + {products} - 1) g, generate_series(0, 1) n where n = 0 or g % 4 = 0",
    "insert into stock (world_epoch, offer_id, warehouse_id, arrived, available, reserved, packed, scrapped, ordered,"
    " awaited) select (select coalesce(max(world_epoch), 1) from stock), id, 1 + (id + n) % 10, id % 50, id % 50, 0, 0,"
    " 0, 0, 0 from offers, generate_series(0, 2) n where id >= {first} * 2",
    # The steps of a parcel, the sixth of them its delivery; and how many of them each order's has behind it.
    "create temporary table way as select n, what, goods, truck, status from (values (1, 'The goods are set aside.',"
    " 'packing', 'requested', 2), (2, 'Packed.', 'packed', 'requested', 3), (3, 'The truck is at the warehouse.',"
    " 'loading', 'at_warehouse', 4), (4, 'Loaded.', 'loaded', 'at_warehouse', 4), (5, 'The truck has left.', 'loaded',"
    " 'en_route', 5), (6, 'Delivered.', 'loaded', 'delivered', 6)) stages (n, what, goods, truck, status)",
    "create temporary table reached as select g, open, case when open then 1 + g / {shoppers} / {under_way} % 5 else 6"
    " end as n, case when open then {now} else 1700000000 + g end as at from (select g, g / {shoppers} % {under_way}"
    " = 0 as open from generate_series(1, {orders}) g) placed",
    "insert into orders (id, user_id, request_id, request_digest, x, y, ups_account, total_cents, status, version,"
    " placed_at) select g, case when g <= {own} then (select id from users where email = 'shop-' || g % {shoppers} ||"
    " '@example.org') else {first} + 100 + g % 20000 end, 'r' || g, decode('00', 'hex'), 1, 2, '', 5000, status,"
    " 9, at - n * {stage} from reached join way using (n)",
    "insert into order_lines (order_id, line_no, offer_id, title, seller_id, seller_name, unit_price_cents, quantity)"
    " select g, n, p * 2, (select title from products where id = p), {first}, 'Seller', 1000, 1 from"
    " (select g, n, {first} + (g * 5 + n) % {products} as p from generate_series(1, {orders}) g,"
    " generate_series(1, {lines}) n) made",
    "insert into shipments (id, order_id, parcel_no, attempt, world_epoch, warehouse_id, x, y, goods, truck, truck_id,"
    " state_since_at, attempts, checks, asked, asks, ended_at, created_at) select g, g, 1, 1, 1, 1 + g % 10, 1, 2,"
    " goods, truck, 1, at, 0, 0, '', 0, case when not open then at end, at - n * {stage} from reached join way"
    " using (n)",
    "insert into shipment_steps (shipment_id, at, event, goods, truck, what, cause) select g, at - (reached.n - way.n)"
    " * ({stage} + g % 60), 'told', goods, truck, what, 'inbox:ups:7' from reached join way on way.n <= reached.n"
    " order by g, way.n",
    # What was said to the peers about what is under way; about the rest it is forgotten.
    "insert into outbox (link, world_epoch, kind, shipment_id, command, created_at, due_at, handed_at, sent_epoch,"
    " closed_at, outcome) select case when way.n % 2 = 0 then 'ups' else 'world' end, 1, (array['pack',"
    " 'request_truck', 'load', 'deliver'])[way.n], g, '', at, at, at, 1, at, 'acked' from reached join way on"
    " way.n <= 4 and way.n <= reached.n where open",
    "update links set connected = true, connected_since_at = {now}, lease_until_at = {now} + 100000",
    "insert into shipment_items (shipment_id, offer_id, title, quantity, reserved) select order_id, offer_id, title, 1,"
    " 1 from order_lines",
    "insert into carts (user_id, filled_at) select id, 1 from users where email like 'shop-%'",
    "insert into cart_items (cart_id, offer_id, quantity, added_at) select id, ({first} + id * 97 + n * 31) * 2, 1, n"
    " from carts, generate_series(1, {in_cart}) n",
)


def measure(folder: Path) -> Iterator[Figure]:
    """The p95 of each kind of page, and what it takes of the processors."""
    with PostgresServer(durable=True) as server:
        url = server.url(server.create_database())
        orders, shop, log = free_address(), free_address(), folder / "shop.log"
        settings = {
            "DATABASE_URL": url,
            "MINIMART_DATA_DIR": str(folder),
            "MINIMART_ORDERS_LISTEN": orders,
            "MINIMART_ORDERS_ADDRESS": orders,
            "MINIMART_FULFILMENT_LISTEN": free_address(),
            "MINIMART_STOREFRONT_LISTEN": shop,
            "MINIMART_STOREFRONT_SEARCH_LIMIT": "1000000 per second",
            "MINIMART_LOG_LEVEL": "WARNING",
        }
        with running("orders_svc", settings=settings, log=log) as orders_process:
            wait_for_health(orders, orders_process, log)
            with running("storefront", settings=settings, log=log) as shop_process:
                wait_for_page(f"http://{shop}/healthz", shop_process, log)
                cookies = [register(shop, f"shop-{number}@example.org") for number in range(SHOPPERS)]
                _fill(url)
                parts = {"storefront": shop_process.pid, "orders_svc": orders_process.pid, "PostgreSQL": server.pid}
                _visit(shop, cookies, KINDS_OF_PAGES, WARM_UP_SECONDS)
                took = _visit(shop, cookies, KINDS_OF_PAGES, SECONDS)
                load = f"load {os.getloadavg()[0]:.1f}"
                used = {kind: _cpu_of_a_page(shop, cookies, kind, parts) for kind in KINDS_OF_PAGES}
    cores = os.cpu_count() or 1
    for kind in KINDS_OF_PAGES:
        note = f"{len(took[kind])} pages, {load}"
        yield Figure(f"{kind}, p95", percentile(took[kind], 0.95) * 1000, "ms", "limit", LIMIT_MS, note, at_most=1.0)
    for kind, by_part in used.items():
        note = ", ".join(f"{part} {ms:.1f}" for part, ms in by_part.items())
        share = f"{cores} cores / {CALLERS}"
        yield Figure(f"{kind}, CPU", sum(by_part.values()), "ms", share, LIMIT_MS * cores / CALLERS, note)


def _fill(url: str) -> None:
    """All the rows, by SQL; then the figures that the planner goes by."""
    numbers = {
        "first": FIRST,
        "products": PRODUCTS,
        "orders": ORDERS,
        "lines": LINES,
        "own": SHOPPERS * OWN_ORDERS,
        "shoppers": SHOPPERS,
        "in_cart": IN_CART,
        "under_way": UNDER_WAY,
        "stage": STAGE_SECONDS,
        "now": SystemClock().now(),
        "words": WORDS,
        "kinds": KINDS,
    }
    engine = make_engine(url, SystemClock(), pool_size=1)
    with engine.begin() as connection:
        for statement in _FILL:
            connection.execute(text(statement.format(**numbers)))
    # Not in a transaction.
    with read_only(engine).connect() as connection:
        connection.execute(text("vacuum analyze"))
    engine.dispose()


def _cpu_of_a_page(shop: str, cookies: list[str], kind: str, parts: Mapping[str, int]) -> dict[str, float]:
    """The milliseconds of a processor that one page of this kind takes in each part, given by its process."""
    before = {part: cpu_seconds(pid) for part, pid in parts.items()}
    pages = len(_visit(shop, cookies, (kind,), ALONE_SECONDS)[kind])
    return {part: (cpu_seconds(pid) - before[part]) / pages * 1000 for part, pid in parts.items()}


def _visit(shop: str, cookies: list[str], kinds: Collection[str], duration: float) -> dict[str, list[float]]:
    """The seconds of each page, by kind: CALLERS at a time, each as fast as it can, for that many seconds."""
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    began = time.monotonic()

    def call(number: int) -> None:
        rng = Random(number)
        connection = http.client.HTTPConnection(shop, timeout=PATIENCE_SECONDS)
        while time.monotonic() < began + duration:
            kind, path, own = _page(rng)
            if kind not in kinds:
                continue
            cookie = cookies[own % SHOPPERS]
            asked = time.perf_counter()
            connection.request("GET", path, headers={"Cookie": cookie})
            answer = connection.getresponse()
            page = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status}")
            if kind == UNDER_WAY_PAGE and EXPECTED not in page:
                raise RuntimeError(f"{path}: it does not say when the parcel comes")
            took[kind].append(time.perf_counter() - asked)
        connection.close()

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(call, range(CALLERS)))
    return took


def _page(rng: Random) -> tuple[str, str, int]:
    """A page to look at: its kind, its path, and whose turn it is."""
    word, kind = rng.choice(WORDS.split()), rng.choice(KINDS.split())
    searches = (
        f"/products?q={word}",
        f"/products?q={kind}+{word}",
        f"/products?q={word[1:]}",
        f"/products?q={word}&sort=price&stock=1",
        f"/products?q={word}+{rng.randint(1, 99)}",
        f"/products?category=kitchen&sort=rating&page={rng.randint(1, 20)}",
        f"/products?seller={FIRST + rng.randint(0, 99)}&low=10&high=200",
        f"/search/suggestions?q={kind[:4]}",
    )
    own = rng.randrange(SHOPPERS)
    # The orders of this shopper: see how `_FILL` gives them out.
    tens, ones = rng.randrange(1, OWN_ORDERS // UNDER_WAY), rng.randrange(1, UNDER_WAY)
    under_way = own + SHOPPERS * UNDER_WAY * tens
    return rng.choice(
        (
            ("search", rng.choice(searches), own),
            ("search", rng.choice(searches), own),
            ("product page", f"/products/{FIRST + rng.randrange(PRODUCTS)}", own),
            ("cart", "/cart", own),
            ("orders", rng.choice(("/orders", f"/orders?q={word}", "/orders?status=delivered")), own),
            ("order page", f"/orders/{under_way + SHOPPERS * ones}", own),
            (UNDER_WAY_PAGE, f"/orders/{under_way}", own),
        )
    )
