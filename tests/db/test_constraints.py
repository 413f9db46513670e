"""What the database itself refuses, whatever the code above it believes. On SQLite and on PostgreSQL."""

import pytest
from sqlalchemy import Engine, insert, text, update
from sqlalchemy.exc import IntegrityError

from db.orders.links import World
from db.orders.messages import InboxRow, OutboxRow
from db.orders.orders import Order
from db.orders.stock import Stock, Warehouse
from db.shop.accounts import Address, Profile, User
from db.shop.carts import Cart, CartItem
from db.shop.catalogue import Category, Offer, Product
from db.shop.checkouts import CheckoutAttempt
from db.shop.reviews import Review

NOW = 1_700_000_000.0


@pytest.fixture
def shop(engine: Engine) -> Engine:
    """One user (1), one category, product and offer (1 each), one warehouse with ten units."""
    with engine.begin() as connection:
        user = {"id": 1, "email": "A@x.example", "email_key": "a@x.example", "created_at": NOW}
        connection.execute(insert(User), user)
        connection.execute(insert(Profile), {"user_id": 1, "display_name": "A", "ups_account": "", "is_seller": True})
        connection.execute(insert(Category), {"id": 1, "slug": "tools", "name": "Tools"})
        product = {"id": 1, "title": "Saw", "description": "", "search_text": "saw", "category_id": 1}
        connection.execute(insert(Product), {**product, "picture": "saw-1", "created_at": NOW})
        connection.execute(
            insert(Offer), {"id": 1, "product_id": 1, "seller_id": 1, "price_cents": 100, "created_at": NOW}
        )
        connection.execute(insert(Warehouse), {"id": 1, "name": "W", "x": 0, "y": 0})
        connection.execute(
            insert(Stock), {"world_epoch": 1, "offer_id": 1, "warehouse_id": 1, "arrived": 10, "available": 10}
        )
    return engine


class TestStock:
    @pytest.mark.parametrize(
        "change",
        [
            {"available": 9},
            {"arrived": 11},
            {"reserved": 1},
            {"available": 11, "reserved": -1},
            {"ordered": -1},
            {"awaited": -1},
            {"available": -1, "packed": 11},
        ],
    )
    def test_units_do_not_appear_vanish_or_go_below_zero(self, shop: Engine, change: dict[str, int]) -> None:
        with pytest.raises(IntegrityError, match=r"ck_stock_(conserved|not_negative)"), shop.begin() as connection:
            connection.execute(update(Stock).values(**change))

    def test_units_move(self, shop: Engine) -> None:
        with shop.begin() as connection:
            connection.execute(update(Stock).values(available=Stock.available - 4, reserved=Stock.reserved + 4))
            connection.execute(update(Stock).values(reserved=Stock.reserved - 4, packed=3, scrapped=1))
            assert connection.execute(text("select available, packed, scrapped from stock")).one() == (6, 3, 1)

    def test_a_warehouse_with_stock_stays(self, shop: Engine) -> None:
        with pytest.raises(IntegrityError), shop.begin() as connection:
            connection.execute(text("delete from warehouses"))


class TestShop:
    @pytest.mark.parametrize("quantity", [0, -1, 1001])
    def test_a_cart_holds_one_to_a_thousand_units(self, shop: Engine, quantity: int) -> None:
        with shop.begin() as connection:
            connection.execute(insert(Cart), {"id": 1, "user_id": 1, "filled_at": NOW})

        with pytest.raises(IntegrityError, match="quantity_in_range"), shop.begin() as connection:
            connection.execute(insert(CartItem), {"cart_id": 1, "offer_id": 1, "quantity": quantity, "added_at": NOW})

    @pytest.mark.parametrize("owner", [{}, {"user_id": 1, "guest_key": "k"}])
    def test_a_cart_has_one_owner(self, shop: Engine, owner: dict[str, object]) -> None:
        with pytest.raises(IntegrityError, match="has_one_owner"), shop.begin() as connection:
            connection.execute(insert(Cart), {"filled_at": NOW, **owner})

    def test_an_address_book_has_one_default(self, shop: Engine) -> None:
        home = {"user_id": 1, "label": "Home", "x": 1, "y": 2, "is_default": True, "created_at": NOW}
        with shop.begin() as connection:
            connection.execute(insert(Address), [home, {**home, "is_default": False}, {**home, "is_default": False}])

        with pytest.raises(IntegrityError), shop.begin() as connection:
            connection.execute(insert(Address), home)

    @pytest.mark.parametrize("stars", [0, 6])
    def test_a_review_has_one_to_five_stars(self, shop: Engine, stars: int) -> None:
        review = {"product_id": 1, "user_id": 1, "words": "", "created_at": NOW, "changed_at": NOW}
        with pytest.raises(IntegrityError, match="stars_in_range"), shop.begin() as connection:
            connection.execute(insert(Review), {**review, "stars": stars})

    @pytest.mark.parametrize("price", [0, -1])
    def test_nothing_is_free(self, shop: Engine, price: int) -> None:
        with pytest.raises(IntegrityError, match="price_positive"), shop.begin() as connection:
            connection.execute(update(Offer).values(price_cents=price))

    def test_an_offer_needs_a_product_and_a_product_its_offers(self, shop: Engine) -> None:
        with pytest.raises(IntegrityError), shop.begin() as connection:
            connection.execute(insert(Offer), {"product_id": 99, "seller_id": 1, "price_cents": 1, "created_at": NOW})
        with pytest.raises(IntegrityError), shop.begin() as connection:
            connection.execute(text("delete from products"))

    def test_an_address_has_one_account_however_it_is_typed(self, shop: Engine) -> None:
        with pytest.raises(IntegrityError), shop.begin() as connection:
            connection.execute(insert(User), {"email": "a@X.example", "email_key": "a@x.example", "created_at": NOW})

    def test_pressing_twice_is_one_checkout_attempt(self, shop: Engine) -> None:
        attempt = {
            "user_id": 1,
            "request_id": "r",
            "request": b"",
            "state": "confirming",
            "created_at": NOW,
            "next_try_at": NOW,
        }
        with shop.begin() as connection:
            connection.execute(insert(CheckoutAttempt), attempt)

        with pytest.raises(IntegrityError), shop.begin() as connection:
            connection.execute(insert(CheckoutAttempt), attempt)


class TestOrders:
    def order(self, **changes: object) -> dict[str, object]:
        return {
            "user_id": 1,
            "request_id": "r",
            "request_digest": bytes(32),
            "x": 0,
            "y": 0,
            "ups_account": "",
            "total_cents": 1,
            "status": 1,
            "placed_at": NOW,
            **changes,
        }

    def test_a_request_id_makes_one_order_for_a_user_and_another_for_another(self, engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(insert(Order), self.order())
            connection.execute(insert(Order), self.order(user_id=2))

        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(insert(Order), self.order())

    def test_only_one_world_is_awaited_or_open_and_any_number_are_not(self, engine: Engine) -> None:
        with engine.begin() as connection:
            for state in ("awaited", "candidate", "candidate", "closed", "closed"):
                connection.execute(insert(World), {"state": state})

        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(insert(World), {"state": "open"})

    def test_a_message_counts_once_and_again_from_another_world(self, engine: Engine) -> None:
        message = {
            "link": "world",
            "world_epoch": 1,
            "seqnum": 7,
            "digest": bytes(16),
            "kind": "packed",
            "event": b"",
            "received_at": NOW,
        }
        with engine.begin() as connection:
            connection.execute(insert(InboxRow), message)
            connection.execute(insert(InboxRow), {**message, "world_epoch": 2})
            connection.execute(insert(InboxRow), {**message, "digest": b"\x01" * 16})

        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(insert(InboxRow), message)

    def test_the_id_of_a_deleted_command_is_never_given_again(self, engine: Engine) -> None:
        row = {
            "link": "world",
            "world_epoch": 1,
            "kind": "buy",
            "command": b"",
            "created_at": NOW,
            "due_at": NOW,
        }
        with engine.begin() as connection:
            first = connection.execute(insert(OutboxRow).returning(OutboxRow.id), row).scalar_one()
            connection.execute(text("delete from outbox"))

        with engine.begin() as connection:
            assert connection.execute(insert(OutboxRow).returning(OutboxRow.id), row).scalar_one() > first

    def test_ids_beyond_32_bits_fit_where_the_installation_begins(self, engine: Engine) -> None:
        far = 1_900_000_000 * 2**20
        row = {
            "id": far,
            "link": "world",
            "world_epoch": 1,
            "kind": "buy",
            "shipment_id": far + 1,
            "command": b"",
            "created_at": NOW,
            "due_at": NOW,
        }
        with engine.begin() as connection:
            connection.execute(insert(OutboxRow), row)
            assert connection.execute(text("select id, shipment_id from outbox")).one() == (far, far + 1)
