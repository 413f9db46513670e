"""Shoppers in a browser: they register, fill a cart, check out by the forms that are really on the pages, and look.

Rules: a shopper presses again what got no answer, as often as it takes, and believes only the order's own page; the
forms are sent with all that was in them, CSRF token and ticket included. A thread each; no page is scripted. What
pages mean is elsewhere (storefront); what was bought is in the ledger.
"""

import http.client
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from random import Random

from proof.chaos.buyers import WELL_STOCKED
from proof.chaos.ledger import Ledger, Outcome, Purchase

PAGE_SECONDS = 10.0
THINK_SECONDS = 2.0
MAX_PAGE_BYTES = 2_000_000
REFUSED_TITLE = "Not ordered"
PASSWORD = "as many words as it takes"  # noqa: S105 - of shoppers that exist for minutes


@dataclass(slots=True)
class Form:
    """A form on a page: where it goes, and what is in it."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A page that was shown: its path, status, title and forms."""

    def __init__(self, url: str, status: int, text: str) -> None:
        super().__init__()
        self.path = urllib.parse.urlsplit(url).path
        self.status = status
        self.title = ""
        self.forms: list[Form] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects forms and what is filled in."""
        given = dict(attrs)
        if tag == "form":
            self.forms.append(Form(given.get("action") or self.path, (given.get("method") or "get").lower()))
        elif tag == "input" and self.forms and given.get("name") and given.get("type") != "checkbox":
            self.forms[-1].values[str(given["name"])] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        """Collects the title."""
        if self.lasttag == "title" and not self.title:
            self.title = data.strip()

    def form(self, action: str) -> Form | None:
        """The form whose action ends so, or None."""
        return next((one for one in self.forms if one.method == "post" and one.action.endswith(action)), None)


class NoAnswer(Exception):
    """The shop did not answer, or said that it cannot now."""


class Browser:
    """One shopper's browser at http://`address`. `quit`: give up whatever is under way."""

    def __init__(self, name: str, address: str, ledger: Ledger, seed: int, quit: threading.Event) -> None:
        self._email = f"{name}@chaos.example"
        self._address = f"http://{address}"
        self._ledger = ledger
        self._rng = Random(f"{seed}:{name}")
        self._quit = quit
        # Without the environment's proxies: the shop is on this machine.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor()
        )

    def run(self, stop: threading.Event) -> None:
        """Buys one thing after the other until `stop`; the last one is followed to its answer."""
        while not (stop.is_set() or self._quit.is_set()) and not self._enter():
            self._wait(0.5)
        while not (stop.is_set() or self._quit.is_set()):
            try:
                page = self._fill_cart()
                if page is not None:
                    self._check_out(page)
            except NoAnswer:
                self._wait(0.3)
            self._wait(THINK_SECONDS)

    def _enter(self) -> bool:
        """Registers, or logs in where the account was made by a press without an answer."""
        for action in ("/register", "/login"):
            try:
                form = self._get(action).form(action)
                if form is None:
                    return True  # whoever is logged in is sent on
                page = self._post(form, display_name="Chaos", email=self._email, password=PASSWORD)
            except NoAnswer:
                return False
            if page.status == 200:
                return True
        return False

    def _fill_cart(self) -> Page | None:
        """Puts something into the cart and goes to the checkout; None: the cart had to be emptied first."""
        product = self._rng.choice(WELL_STOCKED)
        form = self._get(f"/products/{product}").form("/cart/items")
        if form is not None:
            self._post(form, quantity=str(self._rng.randint(1, 2)))
        page = self._get("/checkout")
        if page.path == "/login":
            self._enter()
            return None
        return page if page.path == "/checkout" else None

    def _check_out(self, page: Page) -> None:
        form = page.form("/checkout")
        if form is None:
            raise NoAnswer
        rng = self._rng
        place = {"x": str(rng.randint(-50, 50)), "y": str(rng.randint(-50, 50))}
        purchase = Purchase(self._email)
        self._ledger.purchases.append(purchase)
        began, follow = time.monotonic(), ""
        while not self._quit.is_set():
            try:
                page = self._get(follow) if follow else self._post(form, **place)
            except NoAnswer:
                self._wait(0.5)
                continue
            kind, _, rest = page.path.lstrip("/").partition("/")
            if kind == "orders" and rest.isdecimal():
                purchase.outcome, purchase.order_id = Outcome.ACCEPTED, int(rest)
                break
            if kind == "checkout" and rest and not page.title.startswith(REFUSED_TITLE):
                follow = page.path  # it is being confirmed
            elif kind in ("checkout", "cart"):
                purchase.outcome = Outcome.REFUSED
                self._empty_cart()
                break
            else:
                self._ledger.surprise(f"checkout led to {page.path} ({page.status})")
                follow = ""
            self._wait(0.3)
        purchase.seconds = time.monotonic() - began

    def _empty_cart(self) -> None:
        for form in self._get("/cart").forms:
            if form.action.endswith("/remove"):
                self._post(form)

    def _get(self, path: str) -> Page:
        return self._open(urllib.request.Request(self._address + path))  # noqa: S310 - http, to our own shop

    def _post(self, form: Form, **values: str) -> Page:
        data = urllib.parse.urlencode({**form.values, **values}).encode()
        return self._open(urllib.request.Request(self._address + form.action, data=data))  # noqa: S310 - see _get

    def _open(self, request: urllib.request.Request) -> Page:
        """The page that is shown in the end. NoAnswer: there is none, or one that says "not now"."""
        try:
            with self._opener.open(request, timeout=PAGE_SECONDS) as answer:
                return _page(answer.url, answer.status, answer.read(MAX_PAGE_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                self._ledger.answers[f"HTTP {error.code}"] += 1
                if error.code == 422:
                    return _page(error.url or "", error.code, error.read(MAX_PAGE_BYTES))
                if error.code not in (502, 503, 504):
                    self._ledger.surprise(f"HTTP {error.code} at {request.get_method()} {request.selector}")
                raise NoAnswer from None
        except (OSError, http.client.HTTPException) as error:
            self._ledger.answers[f"HTTP {type(error).__name__}"] += 1
            raise NoAnswer from None

    def _wait(self, seconds: float) -> None:
        self._quit.wait(seconds * self._rng.uniform(0.5, 1.5))


def _page(url: str, status: int, body: bytes) -> Page:
    return Page(url, status, body.decode("utf-8", errors="replace"))
