"""A real storefront process and a real Chromium. `--screenshots DIR` keeps the pictures that the tests take."""

import io
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import insert

from db.clock import SystemClock
from db.engine import make_engine
from db.orders.stock import Stock, Warehouse
from db.seed.stock import INITIAL_STOCK, SeedStock
from db.seed.warehouses import WAREHOUSES
from proof.processes import free_address
from tests.e2e.running import RunningShop, shop
from tests.storefront.fake_orders import TOKENS, FakeOrders, serving
from tests.waiting import wait_until

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1180, "height": 800}
PHONE = {"width": 360, "height": 780}
START_SECONDS = 150.0
# The machine may be busy with other tests.
PATIENCE_MS = 45_000
COLOURS = 256


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="DIR", help="keep the screenshots of the browser tests in this folder")


@dataclass
class OpenShop:
    """A storefront that is running, the orders service behind it, whose parcels go on when told, and the folder of
    its letters.
    """

    url: str
    orders: FakeOrders
    mail: Path


@pytest.fixture(scope="session")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenShop]:
    """A storefront process over SQLite with the seeded shop, in front of the small orders_svc of tests/storefront."""
    folder = tmp_path_factory.mktemp("shop")
    tokens = folder / "service-tokens"
    tokens.touch(mode=0o600)
    tokens.write_text("".join(f"{name} {TOKENS.token_of(name)}\n" for name in ("storefront", "cli")))
    database = f"sqlite:///{folder}/minimart.db"
    engine = make_engine(database, SystemClock())
    orders = FakeOrders(engine, real_time=True)
    with serving(orders) as server:
        settings = {
            "DATABASE_URL": database,
            "MINIMART_DATA_DIR": str(folder),
            "MINIMART_ORDERS_ADDRESS": f"127.0.0.1:{server.port}",
            "MINIMART_STOREFRONT_EVENT_STREAMS_PER_SHOPPER": "2",
            # All shoppers of all tests come from one address.
            "MINIMART_STOREFRONT_REGISTER_LIMIT": "1000 per hour",
        }
        with running_storefront(settings) as url:
            with engine.begin() as connection:
                connection.execute(
                    insert(Warehouse), [{"id": w.id, "name": w.name, "x": w.x, "y": w.y} for w in WAREHOUSES]
                )
                connection.execute(insert(Stock), [_shelf(entry) for entry in INITIAL_STOCK])
            yield OpenShop(url, orders, folder / "mail")
    engine.dispose()


@pytest.fixture(scope="session")
def whole_shop_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """The whole shop with its stand-ins, as `minimart up` starts it, slow enough to be watched."""
    with shop(tmp_path_factory.mktemp("whole") / "data", "--world-tick", "0.8") as running:
        running.wait_until_well()
        yield running


@pytest.fixture(scope="session")
def whole_shop(whole_shop_running: RunningShop) -> str:
    """Its address."""
    return f"http://{whole_shop_running.run.addresses['shop']}"


@contextmanager
def running_storefront(settings: dict[str, str]) -> Iterator[str]:
    """`python -m storefront` on a free port; its address."""
    address = free_address()
    process = subprocess.Popen(
        [sys.executable, "-m", "storefront"],
        env={**os.environ, **settings, "MINIMART_STOREFRONT_LISTEN": address},
        stdin=subprocess.DEVNULL,
    )
    try:
        _wait_until_served(f"http://{address}/healthz", process)
        yield f"http://{address}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


# Not for the session: while it lives, its event loop runs on this thread, and other modules' tests have their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser of its own: new_page(viewport=..., java_script_enabled=..., color_scheme=...).

    An error in a page's script, a part of it that the content security policy refuses, or a request to anybody but
    us fails the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(**options: object) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        context.on("request", lambda request: complaints.append(request.url) if not _is_ours(request.url) else None)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def page(request: pytest.FixtureRequest, new_page: Callable[..., Page]) -> Page:
    """A page with a script, and one without."""
    return new_page(java_script_enabled=request.param)


@pytest.fixture
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Page, str], None]:
    """Takes a screenshot: picture(page, "cart")."""
    chosen = request.config.getoption("--screenshots", default=None)
    folder = Path(chosen) if chosen else tmp_path
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)")
        keep_picture(page, folder / f"{name}.png")

    return take


def keep_picture(page: Page, file: Path) -> None:
    """A picture of what the window shows, in few colours: there are many pictures in docs/screenshots."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(page.screenshot(animations="disabled"))) as shot:
        shot.convert("RGB").quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE).save(file, optimize=True)


def sign_up(page: Page, url: str, name: str) -> str:
    """Makes an account and is logged in with it; its e-mail address."""
    address = f"{name.lower()}-{time.time_ns()}@example.org"
    page.goto(f"{url}/register")
    page.get_by_label("Your name").fill(name)
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password").fill("a good password")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text(f"Welcome, {name}.")).to_be_visible()
    return address


def press(page: Page, button: str) -> None:
    """Presses the one button of this name."""
    page.get_by_role("button", name=button, exact=True).click()


def describe_item(page: Page, title: str, description: str, shelf: str, price: str, units: str | None = None) -> None:
    """Opens the form for a new item from a seller's pages, and fills it in."""
    page.get_by_role("link", name="Add an item").click()
    page.get_by_label("Title").fill(title)
    page.get_by_label("Description").fill(description)
    page.get_by_label("Shelf").select_option(shelf)
    page.get_by_label("Price in dollars").fill(price)
    if units is not None:
        page.get_by_label("Units to begin with").fill(units)


def order_number(page: Page) -> int:
    expect(page).to_have_url(re.compile(r"/orders/\d+$"))
    return int(page.url.rpartition("/")[2])


def put_in_cart(page: Page, url: str, product_id: int) -> None:
    """Puts one of a product in the cart, and is then on the cart's page."""
    page.goto(f"{url}/products/{product_id}")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("heading", name="Your cart")).to_be_visible()


def _is_ours(address: str) -> bool:
    return urlsplit(address).hostname in ("127.0.0.1", None)


def _shelf(entry: SeedStock) -> dict[str, int]:
    none = {"reserved": 0, "packed": 0, "scrapped": 0, "ordered": 0, "awaited": 0}
    units = {"arrived": entry.quantity, "available": entry.quantity}
    return {"world_epoch": 1, "offer_id": entry.offer_id, "warehouse_id": entry.warehouse_id, **none, **units}


def _wait_until_served(address: str, process: "subprocess.Popen[bytes]") -> None:
    def is_served() -> bool:
        assert process.poll() is None, f"the storefront ended with {process.returncode}"
        try:
            with urllib.request.urlopen(address, timeout=1):
                return True
        except OSError:
            return False

    wait_until(is_served, f"{address} is served", START_SECONDS)
