"""Callers beside writers of carts: nobody meets a lock as an error."""

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import delete, insert, select, update

from db.engine import make_engine
from db.shop.carts import Cart, CartItem
from orders_svc.groups import GroupCommit
from orders_svc.service.placing import Placed
from tests.orders_svc.stage import SHOPPER, Stage

CALLERS, CART_WRITERS, ORDERS_EACH = 32, 4, 8


def test_many_who_place_and_some_who_write_carts_never_meet_a_locked_database(shop: Stage) -> None:
    storefront = make_engine(shop.url, shop.clock)
    done = threading.Event()
    barrier = threading.Barrier(CALLERS + CART_WRITERS)
    groups = GroupCommit("place-orders", shop.app.place_orders)
    groups.start()

    with storefront.begin() as connection:
        connection.execute(insert(Cart), {"id": 1, "user_id": SHOPPER, "filled_at": 1.0})

    def fill_carts(number: int) -> int:
        barrier.wait()
        written = 0
        while not done.is_set():
            offer_id = 1 + (number * 13 + written) % 13
            mine = (CartItem.cart_id == 1, CartItem.offer_id == offer_id + number * 13)
            with storefront.begin() as connection:
                if connection.execute(select(CartItem.quantity).where(*mine)).one_or_none() is None:
                    row = {"cart_id": 1, "offer_id": offer_id + number * 13, "quantity": 1, "added_at": 1.0}
                    connection.execute(insert(CartItem), row)
                elif written % 5:
                    connection.execute(update(CartItem).where(*mine).values(quantity=1 + written % 9))
                else:
                    connection.execute(delete(CartItem).where(*mine))
            written += 1
        return written

    def place(number: int) -> None:
        barrier.wait()
        for turn in range(ORDERS_EACH):
            request = shop.request((1 + (number + turn) % 5, 1), request_id=f"caller-{number:02}-{turn:04}")
            answer = groups.submit(request, 60)
            assert isinstance(answer, Placed), answer

    with ThreadPoolExecutor(CALLERS + CART_WRITERS) as pool:
        writers = [pool.submit(fill_carts, number) for number in range(CART_WRITERS)]
        callers = [pool.submit(place, number) for number in range(CALLERS)]
        try:
            for caller in callers:
                caller.result(100)
        finally:
            done.set()
        written = [writer.result(60) for writer in writers]
    groups.stop()
    storefront.dispose()
    assert shop.rows("select count(*) from orders") == [(CALLERS * ORDERS_EACH,)]
    # Neither side starves the other.
    assert min(written) > 0
