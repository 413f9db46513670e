"""The teller: one thread per worker that turns the news of orders into letters.

Rules: orders_svc lists news until they are settled, so that none is lost, whoever dies when; the letters of a page of
news are committed before it is settled, under keys that make each of them one, so that none is written twice, by two
workers either. What cannot be read now is told in a later round and holds up nothing else. Sending is `mail.sender`'s.
"""

import threading
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.clock import Clock
from db.shop.accounts import Profile, User
from db.shop.mails import LettersOff
from mesh.logs import get_logger
from shop.orders.v1 import orders_pb2 as pb
from storefront.mail import outbox
from storefront.orders.letters import letter_about
from storefront.orders_client import CallFailed, OrdersClient

INTERVAL_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
PAGE_SIZE = 50
# Of one round: what is left comes with the next.
MAX_PAGES = 20

_log = get_logger(__name__)


class Teller:
    """Tells what is to be told, every INTERVAL_SECONDS. `shop_url`: what links in letters begin with."""

    def __init__(self, engine: Engine, orders: OrdersClient, clock: Clock, shop_url: str) -> None:
        self._engine = engine
        self._orders = orders
        self._clock = clock
        self._shop_url = shop_url
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
        written, token = 0, ""
        for _ in range(MAX_PAGES):
            page = self._orders.list_news(PAGE_SIZE, token)
            written += self._tell(page.news)
            token = page.next_page_token
            if not token or self._stopping.is_set():
                break
        return written

    def _tell(self, news: Sequence[pb.OrderNews]) -> int:
        orders = self._read({one.order_id: one.user_id for one in news})
        told = [one for one in news if one.order_id in orders]
        with self._engine.begin() as connection:
            people = _who_want_letters(connection, {one.user_id for one in told})
            written = 0
            for one in told:
                order = orders[one.order_id]
                if order is None or one.user_id not in people:
                    continue
                letter = letter_about(order, one.kind, *people[one.user_id], self._shop_url)
                if letter is not None and outbox.write(connection, letter, self._clock.now()):
                    written += 1
        if told:
            self._orders.settle_news(told)
        return written

    def _read(self, owners: dict[int, int]) -> dict[int, pb.Order | None]:
        """The orders, as they are now; None: it is nobody's any more. What could not be read is left out."""
        orders: dict[int, pb.Order | None] = {}
        for order_id, user_id in owners.items():
            try:
                orders[order_id] = self._orders.get_order(user_id, order_id)
            except CallFailed as failed:
                _log.warning("order_not_told", order_id=order_id, why=str(failed))
                if failed.refused:
                    orders[order_id] = None
        return orders

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
