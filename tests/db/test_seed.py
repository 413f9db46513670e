import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.orm import Session

from db.clock import SystemClock
from db.seed.categories import CATEGORIES
from db.seed.products import PRODUCTS
from db.seed.products.entry import SeedProduct
from db.seed.shop import SELLER_EMAIL, SHOPPER_EMAIL, seed_shop
from db.seed.stock import INITIAL_STOCK, LEAST_UNITS, MOST_UNITS, UNUSUAL
from db.seed.warehouses import WAREHOUSES
from db.shop.accounts import Profile, User, email_key
from db.shop.catalogue import Category, Offer, Product, fold, search_text
from tests.db.processes import run_at_once

TABLES = (User, Profile, Category, Product, Offer)

SEED_PROGRAM = """
import sys
from db.clock import SystemClock
from db.engine import make_engine
from db.seed.shop import seed_shop
clock = SystemClock()
engine = make_engine(sys.argv[1], clock)
print("ready", flush=True)
sys.stdin.readline()
seed_shop(engine, clock)
"""


def everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.begin() as connection:
        return {
            model.__tablename__: sorted((tuple(row) for row in connection.execute(select(model.__table__))), key=str)
            for model in TABLES
        }


class TestSeedShop:
    def test_fills_an_empty_shop(self, engine: Engine) -> None:
        assert seed_shop(engine, SystemClock())

        counts = {table: len(rows) for table, rows in everything(engine).items()}
        assert counts == {"users": 2, "profiles": 2, "categories": 8, "products": 64, "offers": 64}

    def test_its_offers_have_the_ids_of_their_products_and_belong_to_the_default_seller(self, engine: Engine) -> None:
        seed_shop(engine, SystemClock())

        with Session(engine) as session:
            offers = session.scalars(select(Offer).order_by(Offer.id)).all()
            assert [offer.id for offer in offers] == [offer.product_id for offer in offers] == list(range(1, 65))
            assert {offer.seller.email for offer in offers} == {SELLER_EMAIL}
            assert offers[0].seller.profile.is_seller

    def test_nobody_can_log_in_to_its_accounts(self, engine: Engine) -> None:
        seed_shop(engine, SystemClock())

        with Session(engine) as session:
            users = session.scalars(select(User)).all()
            assert {user.email for user in users} == {SELLER_EMAIL, SHOPPER_EMAIL}
            assert {user.password_hash for user in users} == {None}

    def test_again_changes_nothing(self, engine: Engine) -> None:
        seed_shop(engine, SystemClock())
        before = everything(engine)

        assert not seed_shop(engine, SystemClock())

        assert everything(engine) == before

    def test_again_respects_what_people_changed_and_removed(self, engine: Engine) -> None:
        seed_shop(engine, SystemClock())
        with engine.begin() as connection:
            connection.execute(update(Offer).where(Offer.id == 1).values(price_cents=1))
            connection.execute(update(Offer).where(Offer.id == 2).values(withdrawn_at=5.0))
            connection.execute(update(Product).where(Product.id == 3).values(title="Kettle, renamed"))
            connection.execute(
                update(Profile).where(Profile.display_name == "Minimart").values(display_name="Maximart")
            )
            connection.execute(delete(Offer).where(Offer.id == 64))
        before = everything(engine)

        seed_shop(engine, SystemClock())

        assert everything(engine) == before

    def test_a_crash_half_way_leaves_nothing_and_the_next_start_does_it_all(self, engine: Engine) -> None:
        class Crashing(SystemClock):
            def now(self) -> float:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            seed_shop(engine, Crashing())
        assert not any(everything(engine).values())

        assert seed_shop(engine, SystemClock())

    def test_several_processes_at_the_same_moment_fill_it_once(self, engine: Engine, database_url: str) -> None:
        assert run_at_once([SEED_PROGRAM] * 3, database_url) == [""] * 3

        assert len(everything(engine)["products"]) == len(PRODUCTS)

    def test_what_people_add_gets_ids_after_the_seed(self, engine: Engine) -> None:
        seed_shop(engine, SystemClock())

        with engine.begin() as connection:
            product_id = connection.execute(
                insert(Product).returning(Product.id),
                {
                    "title": "Own",
                    "description": "",
                    "search_text": "own",
                    "category_id": 1,
                    "picture": "mug-1",
                    "created_at": 1.0,
                },
            ).scalar_one()
            offer_id = connection.execute(
                insert(Offer).returning(Offer.id),
                {"product_id": product_id, "seller_id": 1, "price_cents": 100, "created_at": 1.0},
            ).scalar_one()
            category_id = connection.execute(
                insert(Category).returning(Category.id), {"slug": "own", "name": "Own"}
            ).scalar_one()

        assert (product_id, offer_id, category_id) == (65, 65, 9)

    @pytest.mark.parametrize(
        ("typed", "title"),
        [
            ("CRÈME BRÛ", "Crème brûlée torch"),
            ("creme brulee", "Crème brûlée torch"),
            ("strasse", "Straße map of Köln"),
            ("koln", "Straße map of Köln"),
            ("КОФЕ", "Кофе «Утро», beans 500 g"),
            ("我輩", None),
            ("吾輩", "吾輩は猫である (I Am a Cat)"),
            ("ＴＯＲＣＨ", "Crème brûlée torch"),  # noqa: RUF001 - a full-width keyboard
        ],
    )
    def test_is_found_by_a_part_of_a_word_in_any_case(self, engine: Engine, typed: str, title: str | None) -> None:
        seed_shop(engine, SystemClock())

        with engine.begin() as connection:
            found = connection.scalars(select(Product.title).where(Product.search_text.contains(fold(typed)))).all()

        assert (title in found) if title else not found

    def test_a_second_start_asks_one_question_and_takes_no_writers_place(
        self, database_url: str, engine: Engine
    ) -> None:
        seed_shop(engine, SystemClock())

        with engine.begin() as connection:
            connection.execute(text("update products set title = title"))
            # Would wait for the writer above, and fail, if it wrote.
            assert not seed_shop(engine, SystemClock())


class TestData:
    def test_ids_and_titles_are_unique_and_short_enough_for_the_world(self) -> None:
        assert [product.id for product in PRODUCTS] == list(range(1, len(PRODUCTS) + 1))
        assert max(Counter(product.title for product in PRODUCTS).values()) == 1
        assert max(len(product.title) for product in PRODUCTS) <= 50

    def test_every_category_has_eight_products_and_a_third_take_backorders(self) -> None:
        shelves = Counter(product.category.id for product in PRODUCTS)

        assert shelves == {category.id: 8 for category in CATEGORIES}
        assert 0.25 <= sum(product.allow_backorder for product in PRODUCTS) / len(PRODUCTS) <= 0.4

    def test_stock_is_at_known_warehouses_once_each(self) -> None:
        places = Counter((row.offer_id, row.warehouse_id) for row in INITIAL_STOCK)

        assert max(places.values()) == 1
        assert {warehouse for _, warehouse in places} == {warehouse.id for warehouse in WAREHOUSES}
        assert {offer for offer, _ in places} | {37, 46} == {product.id for product in PRODUCTS}

    def test_stock_is_plenty_but_for_the_offers_that_are_scarce_on_purpose(self) -> None:
        for row in INITIAL_STOCK:
            if row.offer_id in UNUSUAL:
                assert row.quantity <= 5
            else:
                assert LEAST_UNITS <= row.quantity <= MOST_UNITS

    def test_warehouses_stand_apart_on_a_small_grid(self) -> None:
        assert len(WAREHOUSES) == 10
        assert len({(warehouse.x, warehouse.y) for warehouse in WAREHOUSES}) == 10
        assert all(abs(axis) <= 100 for warehouse in WAREHOUSES for axis in (warehouse.x, warehouse.y))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ﬁle", "file"),
        ("Å", "a"),
        ("İstanbul", "istanbul"),
        ("ISPARTA", "isparta"),
        ("\N{LATIN SMALL LETTER DOTLESS I}sparta", "isparta"),
        ("Crème Brûlée", "creme brulee"),
        ("Cre\u0300me", "creme"),
        ("Ελαιόλαδο ΟΔΌΣ", "ελαιολαδο οδοσ"),
        ("ᾼρη", "αιρη"),
        ("Кофе, чёрный", "кофе, черныи"),
        ("ｶ", "カ"),
        ("ガ", "ガ"),
        ("カ\u3099", "ガ"),
        ("ｶﾞ", "ガ"),
        ("한국", "한국"),
        ("ที่", "ที่"),
        ("", ""),
    ],
)
def test_fold_makes_equal_what_reads_the_same(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(fold(text)) == folded


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_fold_knows_what_it_has_folded_and_every_way_to_write_it(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold(unicodedata.normalize(form, text)) == folded


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: str(product.id))
def test_a_title_of_the_seed_is_found_however_it_is_composed(product: SeedProduct) -> None:
    searched = search_text(product.title, product.description, product.category.name)
    for form in ("NFC", "NFD"):
        for typed in (product.title, product.title.upper(), product.title.lower()):
            assert fold(unicodedata.normalize(form, typed)) in searched


def test_an_address_keeps_its_accents_but_not_its_case() -> None:
    assert email_key(" ANN.STRASSE@Example.org") == email_key("ann.straße@example.ORG ")
    assert email_key("JOSE@example.org") != email_key("JOSÉ@example.org")
    assert email_key("JOSE\u0301@example.org") == email_key("josé@example.org")
