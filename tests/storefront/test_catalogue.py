"""The catalogue: finding things in any alphabet, stock in words, and pages that do not ask more the fuller they are."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, insert, select

from db.shop.catalogue import Category, Offer, Product, search_text
from storefront.catalogue.search import Search, Sort, read_search
from tests.storefront.visitor import Visitor

PutStock = Callable[..., None]


def add_product(engine: Engine, title: str, *prices: int, description: str = "", created_at: float = 1.0) -> int:
    with engine.begin() as connection:
        category = connection.execute(select(Category.id, Category.name)).first()
        assert category is not None
        product_id: int = connection.execute(
            insert(Product)
            .values(
                title=title,
                description=description,
                search_text=search_text(title, description, category.name),
                category_id=category.id,
                picture="mug-1",
                created_at=created_at,
            )
            .returning(Product.id)
        ).scalar_one()
        for price in prices:
            connection.execute(
                insert(Offer).values(
                    product_id=product_id, seller_id=1, price_cents=price, allow_backorder=False, created_at=1.0
                )
            )
    return product_id


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Grüne Straße", "STRASSE"),
        ("Grüne Straße", "grün"),
        ("ЧАЙ чёрный", "чай ЧЁРН"),
        ("Ελαιόλαδο", "ΕΛΑΙΌ"),
        ("Straße Ürün İstanbul", "istanbul"),
        ("Straße Ürün İstanbul", "İSTANBUL"),
        ("Straße Ürün İstanbul", "urun"),
        ("Crème brûlée", "creme brulee"),
        ("Creme brulee", "CRÈME BRÛLÉE"),
        ("がんばれ", "か\u3099んば"),
        ("急須 teapot", "急須"),
        ("Café crème", "CAFE\u0301"),
        ("ﬁne fabric", "FINE"),
        ("100% wool_blend\\x", "100%"),
        ("100% wool_blend\\x", "l_b"),
        ("100% wool_blend\\x", "d\\x"),
    ],
)
def test_a_part_of_a_word_in_any_case_and_alphabet_finds_it(
    visitor: Visitor, engine: Engine, title: str, asked: str
) -> None:
    add_product(engine, title, 100)
    answer = visitor.client.get("/products", query_string={"q": asked})
    assert answer.status_code == 200
    assert title in answer.get_data(as_text=True)


@pytest.mark.parametrize("asked", ["%", "_", "\\", "' or 1=1 --", "zzzzzz", "%%%", "a_c"])
def test_special_characters_mean_themselves(visitor: Visitor, engine: Engine, asked: str) -> None:
    add_product(engine, "abc", 100)
    page = visitor.client.get("/products", query_string={"q": asked}).get_data(as_text=True)
    assert ">abc<" not in page


def test_all_words_must_be_found_and_titles_come_first(visitor: Visitor, engine: Engine) -> None:
    add_product(engine, "A bowl", 100, description="for zebrafish and others")
    add_product(engine, "Zebrafish food", 100)
    add_product(engine, "Zebra poster", 100)
    text = visitor.get("/products?q=zebrafi").page.text
    assert text.index("Zebrafish food") < text.index("A bowl")
    assert "Zebra poster" not in text
    assert visitor.get("/products?q=zebrafish+bowl").sees("1 product")


@pytest.mark.parametrize(
    "address",
    ["page=0", "page=-1", "page=x", "page=99999999999999999999", "page=²", "category=", "sort=nothing",
     "q=%00%ff", "q=" + "x" * 500, "category=%00", "q=%F0%9F%8D%B5", "page=9999"],
)  # fmt: skip
def test_a_strange_address_is_no_error(visitor: Visitor, address: str) -> None:
    assert visitor.get(f"/products?{address}").status == 200


def test_pages_show_everything_once(visitor: Visitor, engine: Engine) -> None:
    for number in range(60):
        add_product(engine, f"Widget {number:03}", 100 + number)
    seen: list[str] = []
    for page in (1, 2, 3):
        links = visitor.get(f"/products?q=widget&page={page}").page.links
        seen += [link for link in links if link.startswith("/products/")]
    assert len(seen) == len(set(seen)) == 60
    assert visitor.sees("Page 3 of 3")
    assert visitor.get("/products?q=widget&page=50").sees("Page 3 of 3")


@pytest.mark.parametrize(("sort", "first"), [("price", "Widget b"), ("price-down", "Widget a"), ("name", "Widget a")])
def test_results_are_sorted_as_asked(visitor: Visitor, engine: Engine, sort: str, first: str) -> None:
    add_product(engine, "Widget a", 900)
    add_product(engine, "Widget b", 100, 5000)
    text = visitor.get(f"/products?q=widget&sort={sort}").page.text
    other = "Widget b" if first == "Widget a" else "Widget a"
    assert text.index(first) < text.index(other)


def test_a_product_shows_every_offer_cheapest_first(visitor: Visitor, engine: Engine) -> None:
    product_id = add_product(engine, "Widget", 1250, 999)
    visitor.get(f"/products/{product_id}")
    assert visitor.page.text.index("$9.99") < visitor.page.text.index("$12.50")
    assert visitor.sees("2 sellers")
    assert visitor.sees("Sold by Minimart")


@pytest.mark.parametrize(
    "path",
    [
        "/products/0",
        "/products/999999",
        "/products/2147483648",
        "/products/9" + "9" * 30,
        "/products/-1",
        "/products/x",
        "/products?category=nothing",
        "/products?category=nothing&q=mug",
        "/products?category=" + "x" * 100,
        "/pictures/nothing.svg",
        "/pictures/..%2fx.svg",
    ],
)
def test_what_does_not_exist_is_a_page_with_a_way_on(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status == 404
    assert visitor.sees("There is nothing here")
    assert "/" in visitor.page.links


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ({"available": 50}, "In stock, ready to ship from Harbour."),
        ({"available": 3}, "Only 3 left, ready to ship from Harbour."),
        ({"ordered": 40, "awaited": 15}, "25 on the way to our warehouses."),
        ({"ordered": 4, "awaited": 9}, "Sold out for now."),
        ({"reserved": 9}, "Sold out for now."),
    ],
)
def test_stock_is_told_in_words(visitor: Visitor, put_stock: PutStock, units: dict[str, int], words: str) -> None:
    put_stock(1, **units)
    assert visitor.get("/products/1").sees(words)


def test_stock_of_another_world_does_not_count(visitor: Visitor, put_stock: PutStock) -> None:
    put_stock(1, available=500, world_epoch=1)
    put_stock(2, available=3, world_epoch=2)
    assert visitor.get("/products/1").sees("Sold out for now.")
    assert visitor.get("/products/2").sees("Only 3 left")


def test_stock_at_several_warehouses_is_told_together(visitor: Visitor, put_stock: PutStock) -> None:
    put_stock(1, available=500)
    put_stock(1, available=3, warehouse_id=2)
    assert visitor.get("/products/1").sees("ready to ship from Harbour and Hill.")


def test_before_anybody_wrote_stock_it_is_unknown_and_can_be_ordered(visitor: Visitor) -> None:
    assert visitor.get("/products/1").sees("We cannot see the stock at the moment.")
    visitor.register().put_in_cart(1)
    assert visitor.path == "/cart"


@pytest.mark.parametrize("path", ["/", "/products", "/products?q=e", "/products/1"])
def test_a_page_asks_at_most_six_questions_however_much_there_is(
    visitor: Visitor, engine: Engine, put_stock: PutStock, count_queries: Callable[[], list[str]], path: str
) -> None:
    with engine.connect() as connection:
        offers = connection.execute(select(func.max(Offer.id))).scalar_one()
    for offer_id in range(1, offers + 1):
        put_stock(offer_id, available=9)
    visitor.register()
    count_queries()
    visitor.get(path)
    asked = count_queries()
    assert len(asked) <= 6, asked


def test_the_address_of_a_search_leaves_defaults_out() -> None:
    assert Search().arguments() == {}
    assert Search(question="tea", sort=Sort.BEST, page=3).arguments(page=4) == {"q": "tea", "page": "4"}
    assert read_search({"q": " a\tb ", "sort": "price", "page": "2"}) == Search("a b", "", Sort.CHEAPEST, 2)
