"""The teller: one thread per worker that turns the news of orders into letters.

Rules: orders_svc lists news until they are settled, so that none is lost, whoever dies when; the letters of a page of
news are committed before it is settled, under keys that make each of them one, so that none is written twice, by two
workers either. A page of news comes with its orders, and is one call, one transaction and one call. A letter for which
we have no words, which is our own fault, waits and holds up no other. Sending is `mail.sender`'s.
"""

import threading
from collections.abc import Collection

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.clock import Clock
from db.shop.accounts import Profile, User
from db.shop.mails import LettersOff
from mesh.logs import get_logger
from shop.orders.v1 import orders_pb2 as pb
from storefront.mail import outbox
from storefront.mail.outbox import Letter
from storefront.orders.letters import letter_about
from storefront.orders_client import CallFailed, OrdersClient

INTERVAL_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
PAGE_SIZE = 50
# Of one round: what is left comes with the next.
MAX_PAGES = 20
MOST_TOLD_OF = 1000

_log = get_logger(__name__)


class Teller:
    """Tells what is to be told, every INTERVAL_SECONDS. `shop_url`: what links in letters begin with."""

    def __init__(self, engine: Engine, orders: OrdersClient, clock: Clock, shop_url: str) -> None:
        self._engine = engine
        self._orders = orders
        self._clock = clock
        self._shop_url = shop_url
        # Where the next round begins, so that what cannot be told is not all that is ever looked at.
        self._token = ""
        # (order, kind) of letters without words, of which it was told; at most MOST_TOLD_OF.
        self._told_of: set[tuple[int, int]] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="order-teller", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Asks the thread to end; it does so after the page that is under way."""
        self._stopping.set()

    def join(self, timeout: float) -> None:
        """Waits for the thread to end."""
        self._thread.join(timeout)

    def tell_once(self) -> int:
        """Writes the letters of all news that there are now; how many. CallFailed: orders_svc is away."""
        written = 0
        for _ in range(MAX_PAGES):
            page = self._orders.list_news(PAGE_SIZE, self._token)
            written += self._tell(page)
            self._token = page.next_page_token
            if not self._token or self._stopping.is_set():
                break
        return written

    def _tell(self, page: pb.ListNewsResponse) -> int:
        orders = {order.order_id: order for order in page.orders}
        told: list[pb.OrderNews] = []
        letters: list[Letter] = []
        with self._engine.begin() as connection:
            people = _who_want_letters(connection, {one.user_id for one in page.news})
            for one in page.news:
                if one.order_id not in orders:
                    continue
                try:
                    letters += self._letters(orders[one.order_id], one.kind, people.get(one.user_id))
                except Exception:  # noqa: BLE001 - a fault of ours in one letter, and the others are told
                    self._tell_of(one.order_id, one.kind)
                else:
                    told.append(one)
            written = outbox.write_all(connection, letters, self._clock.now())
        if told:
            self._orders.settle_news(told)
        return written

    def _letters(self, order: pb.Order, kind: "pb.NewsKind.ValueType", to: tuple[str, str] | None) -> list[Letter]:
        """The letter, if there is one; `to`: address and name, None: it is wanted by nobody."""
        letter = letter_about(order, kind, *to, self._shop_url) if to is not None else None
        return [letter] if letter is not None else []

    def _tell_of(self, order_id: int, kind: int) -> None:
        """Logs, once, the error that is being handled."""
        if (order_id, kind) not in self._told_of:
            if len(self._told_of) >= MOST_TOLD_OF:
                self._told_of.clear()
            self._told_of.add((order_id, kind))
            _log.exception("letter_without_words", order_id=order_id, kind=kind)

    def _run(self) -> None:
        pause = INTERVAL_SECONDS
        while not self._stopping.wait(pause):
            try:
                self.tell_once()
                pause = INTERVAL_SECONDS
                continue
            except CallFailed as failed:
                if pause == INTERVAL_SECONDS:
                    _log.warning("teller_without_orders", why=str(failed))
            except (DBAPIError, PoolTimeout) as error:
                _log.warning("teller_without_database", error=str(error.__cause__ or error))
            except Exception:  # noqa: BLE001 - the edge of the thread: logged, and the next round goes on
                _log.exception("teller_failed")
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _who_want_letters(connection: Connection, user_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Address and name of those who are here and want letters about their orders, until the transaction ends."""
    rows = connection.execute(
        select(User.id, User.email, Profile.display_name)
        .join(Profile, Profile.user_id == User.id)
        .where(User.id.in_(sorted(user_ids)), User.closed_at.is_(None), User.email != "")
        .where(~select(LettersOff.user_id).where(LettersOff.user_id == User.id).exists())
        .order_by(User.id)
        # Whoever closes their account meanwhile finds the letter and removes it.
        .with_for_update(read=True, of=User)
    )
    return {row.id: (row.email, row.display_name) for row in rows}
