"""Who orders and what is meant, looked up on both databases."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from db.clock import SystemClock
from db.engine import make_engine, read_only
from db.seed.products import PRODUCTS
from db.seed.shop import SHOPPER_EMAIL, seed_shop
from minimart.failure import Wrong
from minimart.shopping import offer_id_of, user_id_of


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = make_engine(database_url, SystemClock())
    try:
        seed_shop(engine, SystemClock())
        with read_only(engine).begin() as connection:
            yield connection
    finally:
        engine.dispose()


def test_a_shopper_is_found_however_the_address_is_typed(connection: Connection) -> None:
    assert user_id_of(connection, SHOPPER_EMAIL) == user_id_of(connection, f" {SHOPPER_EMAIL.upper()} ")
    with pytest.raises(Wrong, match=r"nobody has an account as nobody@example\.org"):
        user_id_of(connection, "nobody@example.org")


def test_an_offer_is_found_by_id_and_by_title(connection: Connection) -> None:
    product = PRODUCTS[0]
    assert offer_id_of(connection, str(product.id)) == product.id
    assert offer_id_of(connection, product.title.upper()) == product.id


@pytest.mark.parametrize("wanted", ["999999999", "99999999999999999999999", "no such thing at all", "", "  "])
def test_what_does_not_exist_is_said(connection: Connection, wanted: str) -> None:
    with pytest.raises(Wrong, match="no product"):
        offer_id_of(connection, wanted)


def test_several_matches_are_named_with_their_ids(connection: Connection) -> None:
    with pytest.raises(Wrong, match=r"several products match 'e': 1 .* more; name one by its id"):
        offer_id_of(connection, "e")
