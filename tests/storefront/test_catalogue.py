"""The catalogue: finding things in any alphabet, stock in words, and pages that do not ask more the fuller they are."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, insert, select, update

from db.shop.accounts import Profile, User
from db.shop.catalogue import Category, Favourite, Offer, Product, search_text
from db.shop.reviews import rating_of
from storefront.bootstrap import Storefront
from storefront.catalogue import listing
from storefront.catalogue.search import Search, Sort, read_search
from tests.storefront.visitor import Page, Visitor

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
    assert visitor.sees("2 offers")
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
        ({"available": 50}, "In stock: ships today from Harbour."),
        ({"available": 3}, "Only 3 left: ships today from Harbour."),
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


def test_a_list_tells_the_best_of_what_a_products_offers_have_anywhere(
    visitor: Visitor, engine: Engine, put_stock: PutStock
) -> None:
    add_product(engine, "Widget", 300, 200)
    with engine.connect() as connection:
        dear, cheap = connection.execute(select(Offer.id).order_by(Offer.id.desc()).limit(2)).scalars().all()
    assert visitor.get("/products?q=widget").sees("Stock unknown at the moment")
    put_stock(dear, available=9, world_epoch=1)
    put_stock(1, available=9, world_epoch=2)
    assert visitor.get("/products?q=widget").sees("Sold out")
    put_stock(dear, ordered=3, awaited=2, world_epoch=2)
    put_stock(dear, ordered=2, awaited=3, warehouse_id=2, world_epoch=2)
    assert visitor.get("/products?q=widget").sees("Arriving soon")
    put_stock(cheap, available=1, world_epoch=2)
    put_stock(cheap, available=3, warehouse_id=2, world_epoch=2)
    assert visitor.get("/products?q=widget").sees("Only 4 left")
    assert visitor.sees("from $2.00")


def test_stock_at_several_warehouses_is_told_together(visitor: Visitor, put_stock: PutStock) -> None:
    put_stock(1, available=500)
    put_stock(1, available=3, warehouse_id=2)
    assert visitor.get("/products/1").sees("ships today from 2 warehouses (Harbour and Hill).")


def test_before_anybody_wrote_stock_it_is_unknown_and_can_be_ordered(visitor: Visitor) -> None:
    assert visitor.get("/products/1").sees("We cannot see the stock at the moment.")
    visitor.register().put_in_cart(1)
    assert visitor.path == "/cart"


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 5),
        ("/products", 5),
        ("/products?q=e", 5),
        ("/products?q=e&seller=1&low=1&high=99&stock=1&sort=price", 5),
        ("/search/suggestions?q=e", 3),
        ("/products/1", 6),
        ("/favourites", 3),
    ],
)
def test_a_page_asks_a_fixed_number_of_questions_however_much_there_is(
    visitor: Visitor,
    engine: Engine,
    put_stock: PutStock,
    count_queries: Callable[[], list[str]],
    path: str,
    most: int,
) -> None:
    with engine.connect() as connection:
        offers = connection.execute(select(func.max(Offer.id))).scalar_one()
    for offer_id in range(1, offers + 1):
        put_stock(offer_id, available=9)
    visitor.register()
    with engine.begin() as connection:
        user_id = connection.execute(select(User.id).where(User.email_key == "ann@example.org")).scalar_one()
        products = connection.execute(select(Product.id)).scalars().all()
        connection.execute(
            insert(Favourite), [{"user_id": user_id, "product_id": one, "created_at": 1.0} for one in products]
        )
        connection.execute(update(Product).values(units_sold=3))
    count_queries()
    assert visitor.get(path).status == 200
    asked = count_queries()
    assert len(asked) <= most, asked


def test_the_address_of_a_search_leaves_defaults_out() -> None:
    assert Search().arguments() == {}
    assert Search(question="tea", sort=Sort.BEST, page=3).arguments(page=4) == {"q": "tea", "page": "4"}
    expected = Search("a b", sort=Sort.CHEAPEST, page=2)
    assert read_search({"q": " a\tb ", "sort": "price", "page": "2"}) == expected


def found(visitor: Visitor, **asked: str) -> list[str]:
    """The titles on a page of results, in order."""
    page = visitor.client.get("/products", query_string=asked).get_data(as_text=True)
    return re.findall(r'<h3><a href="/products/\d+"><bdi>([^<]*)</bdi></a></h3>', page)


def test_results_are_narrowed_by_shelf_seller_price_and_stock(
    visitor: Visitor, engine: Engine, put_stock: PutStock
) -> None:
    mine = add_product(engine, "Widget of another seller", 700)
    stocked = add_product(engine, "Widget in stock", 800)
    add_product(engine, "Widget for little", 100, 5000)
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.product_id == mine).values(seller_id=2))
        connection.execute(update(Profile).where(Profile.user_id == 2).values(is_seller=True))
        offer = connection.execute(select(Offer.id).where(Offer.product_id == stocked)).scalar_one()
    put_stock(offer, available=4)
    assert found(visitor, q="widget", seller="2") == ["Widget of another seller"]
    assert found(visitor, q="widget", stock="1") == ["Widget in stock"]
    assert found(visitor, q="widget", low="7.50", high="9") == ["Widget in stock"]
    assert found(visitor, q="widget", high="7", sort="price") == ["Widget for little", "Widget of another seller"]
    assert found(visitor, q="widget", low="6", sort="price") == [
        "Widget of another seller",
        "Widget in stock",
        "Widget for little",
    ], "a product counts with its cheapest offer that fits"
    assert found(visitor, q="widget", low="9", high="10") == []
    assert found(visitor, q="widget", category="books") == []


def test_what_is_typed_in_the_plural_is_found_in_the_singular(visitor: Visitor) -> None:
    assert "Stoneware mug, speckled" in found(visitor, q="Mugs")
    assert "Stoneware mug, speckled" in found(visitor, q="stoneware MUGS")
    assert visitor.get("/products?q=Mugs").sees("Nothing has “Mugs” in it exactly. This is what comes close.")
    assert not visitor.get("/products?q=zzzzs").sees("This is what comes close.")
    assert visitor.sees("Nothing found")


def test_a_range_of_prices_that_is_crossed_is_told_beside_its_end(visitor: Visitor) -> None:
    assert not visitor.get("/products?low=10&high=10").sees("This is less than “From”")
    visitor.get("/products?low=50&high=10")
    assert visitor.sees("To $ This is less than “From”: no price is between them. Write more.")
    assert not visitor.sees("Nothing found")
    assert next(form.values["high"] for form in visitor.page.forms if "high" in form.values) == "10"


def test_no_filter_shows_a_product_twice(visitor: Visitor, engine: Engine) -> None:
    add_product(engine, "Widget", 300, 300, 200, 900)
    for sort in Sort:
        assert found(visitor, q="widget", sort=sort) == ["Widget"], sort


@pytest.mark.parametrize(("low", "words"), [("x", "Write a price in dollars"), ("0", "Write a price from 0.01"),
                                            ("-3", "Write a price in dollars"), ("1e9", "Write a price in dollars"),
                                            ("9" * 50, "Write a price in dollars"),
                                            ("<b>", "Write a price in dollars")])  # fmt: skip
def test_a_price_that_is_none_is_told_and_kept(visitor: Visitor, low: str, words: str) -> None:
    answer = visitor.client.get("/products", query_string={"low": low})
    assert answer.status_code == 200
    page = Page(answer.get_data(as_text=True))
    assert words in page.text
    assert page.forms[1].values["low"] == low[:20]


def test_best_selling_and_best_rated_come_first(visitor: Visitor, engine: Engine) -> None:
    liked, sold = add_product(engine, "Widget liked", 1), add_product(engine, "Widget sold", 1)
    with engine.begin() as connection:
        connection.execute(update(Product).where(Product.id == liked).values(rating=4.5))
        connection.execute(update(Product).where(Product.id == sold).values(units_sold=9))
    assert found(visitor, q="widget", sort="rating")[0] == "Widget liked"
    assert found(visitor, q="widget", sort="selling")[0] == "Widget sold"
    assert visitor.get("/").sees("Selling best")


def test_the_beginning_of_a_word_fits_better_than_its_middle_and_a_title_than_what_is_said_of_it(
    visitor: Visitor, engine: Engine
) -> None:
    for title in ("Shark, grey", "Toy for the ark", "Ark of oak"):
        add_product(engine, title, 1)
    assert found(visitor, q="ark")[:3] == ["Ark of oak", "Toy for the ark", "Shark, grey"]


def test_one_enthusiast_does_not_outrank_a_hundred() -> None:
    assert rating_of(5, 1) < rating_of(480, 100)
    assert rating_of(0, 0) == 0


def test_more_than_five_hundred_results_are_not_counted_further(visitor: Visitor, engine: Engine) -> None:
    first = add_product(engine, "Widget 0", 100)
    with engine.begin() as connection:
        row = connection.execute(select(Product).where(Product.id == first)).mappings().one()
        several = [{**row, "id": 5000 + n, "title": f"Widget {n}"} for n in range(1, 600)]
        connection.execute(insert(Product), several)
        connection.execute(
            insert(Offer),
            [{"product_id": one["id"], "seller_id": 1, "price_cents": one["id"], "created_at": 1.0} for one in several],
        )
    assert visitor.get("/products?q=widget").sees("More than 500 products")
    assert visitor.sees("Page 1 of 21")
    assert visitor.get("/products?q=widget&page=21&sort=price").sees("Page 21 of 21")


def test_the_order_is_the_same_whether_few_fit_or_more_than_are_counted(
    visitor: Visitor, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        made = add_product(engine, f"Widget {number}", 100 + number * 7 % 5, 900)
        with engine.begin() as connection:
            figures = {"units_sold": number * 3 % 5, "rating": number * 2 % 5, "created_at": number * 4 % 5}
            connection.execute(update(Product).where(Product.id == made).values(figures))
    sorts = [sort for sort in Sort if sort is not Sort.BEST]
    few = {sort: found(visitor, q="widget", sort=sort) for sort in sorts}
    assert all(len(titles) == len(set(titles)) == 5 for titles in few.values())
    assert found(visitor, q="widget", page="9") == found(visitor, q="widget"), "behind the last page is the last"
    monkeypatch.setattr(listing, "MAX_COUNTED", 3)
    assert {sort: found(visitor, q="widget", sort=sort) for sort in sorts} == few


@pytest.mark.parametrize("asked", ["telescpoe", "telescop3", "Télescoppe", "fold-out teloscope"])
def test_a_typing_error_is_forgiven(visitor: Visitor, engine: Engine, asked: str) -> None:
    add_product(engine, "Fold-out telescope", 100)
    titles = found(visitor, q=asked)
    if engine.dialect.name == "postgresql":
        assert titles == ["Fold-out telescope"]
        assert "comes close" in visitor.client.get("/products", query_string={"q": asked}).get_data(as_text=True)
    else:
        assert titles == []


def test_suggestions_are_a_part_of_a_page_while_somebody_types(visitor: Visitor, engine: Engine) -> None:
    add_product(engine, "Grüne <b>Straße</b>", 1250)
    page = visitor.client.get("/search/suggestions", query_string={"q": "STRASS"}).get_data(as_text=True)
    assert "Grüne &lt;b&gt;Straße" in page
    assert "$12.50" in page
    assert "<html" not in page
    assert "Nothing found for “zzzz”" in visitor.get("/search/suggestions?q=zzzz").page.text
    for nothing in ("", "?q=", "?q=%20%00", "?q=" + "x" * 500):
        assert visitor.get(f"/search/suggestions{nothing}").status == 200


def test_searching_is_limited_and_looking_around_is_not(
    settings: dict[str, object], build_shop: Callable[[], Storefront]
) -> None:
    settings["storefront_search_limit"] = "3 per hour"
    visitor = Visitor(build_shop().app.test_client())
    answers = [visitor.get(f"/{path}?q=mug").status for path in ("products", "search/suggestions") * 2]
    assert answers == [200, 200, 200, 429]
    assert visitor.get("/products").status == 200
    visitor.register()
    assert visitor.get("/products?q=mug").status == 200, "a shopper has a count of their own"


def test_a_favourite_is_marked_found_again_and_removed(visitor: Visitor, another: Visitor) -> None:
    visitor.register()
    assert visitor.get("/favourites").sees("None yet")
    for _ in range(2):
        visitor.get("/products/3").client.post("/favourites/3", data={"csrf_token": visitor.token})
    visitor.get("/products/5").submit("/favourites/5")
    assert visitor.get("/favourites").page.text.count("from the favourites") == 2
    another.register("Bob", "bob@example.org")
    assert another.get("/favourites").sees("None yet")
    visitor.submit("/favourites/3/remove")
    assert visitor.path == "/favourites"
    assert visitor.page.text.count("from the favourites") == 1
    visitor.client.post("/favourites/99999", data={"csrf_token": visitor.token})
    assert visitor.get("/favourites").status == 200
