"""Items and orders as CSV: what a file would do is shown first, with each problem's line; then all of it or nothing."""

import csv
import io
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, select, update

from db.shop.catalogue import Offer, Product
from mesh.errors import NotFound, Unavailable
from storefront.seller import imports
from storefront.seller.importing import COLUMNS, TOLD
from storefront.seller.spreadsheets import MOST_BYTES, MOST_LINES, NotATable, decode, read_table, write_table
from tests.storefront.fake_orders import FakeOrders, refuse
from tests.storefront.visitor import Visitor

ITEM = {"title": "Blue bowl", "description": "Glazed.", "category": "1", "price_cents": "12.50", "quantity": "20"}
NEW = "title,description,shelf,price\n"


@pytest.fixture
def seller(visitor: Visitor, put_stock: Callable[..., None]) -> Visitor:
    """Ann, who sells a blue bowl."""
    put_stock(1, available=1)
    visitor.register()
    visitor.get("/sell").submit("/sell", display_name="Ann's bowls")
    return visitor.get("/sell/items/new").submit("/sell/items/new", **ITEM)


@pytest.fixture
def rival(another: Visitor) -> Visitor:
    another.register("Bob", "bob@example.org")
    return another.get("/sell").submit("/sell", display_name="Bob's")


def send(seller: Visitor, content: str | bytes) -> Visitor:
    content = content.encode() if isinstance(content, str) else content
    answer = seller.get("/sell/items/table").press("/sell/items/table", file=(io.BytesIO(content), "items.csv"))
    # The test's own browser leaves what it sent open.
    answer.request.environ["wsgi.input"].close()
    return seller.follow(answer)


def table_of(seller: Visitor, path: str = "/sell/items.csv") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(seller.client.get(path).get_data(as_text=True), newline="")))


def written(rows: list[dict[str, str]]) -> str:
    return write_table(list(rows[0]), [list(row.values()) for row in rows])


def items_of(engine: Engine) -> list[tuple[str, int, bool, bool]]:
    """Of Ann's shop: title, price, backorder, whether it is on sale; oldest first."""
    with engine.connect() as connection:
        seller_id = connection.execute(select(func.max(Offer.seller_id))).scalar_one()
        rows = connection.execute(
            select(Product.title, Offer.price_cents, Offer.allow_backorder, Offer.withdrawn_at)
            .join(Product, Product.id == Offer.product_id)
            .where(Offer.seller_id == seller_id)
            .order_by(Offer.id)
        )
        return [(title, price, backorder, withdrawn_at is None) for title, price, backorder, withdrawn_at in rows]


BOWL = ("Blue bowl", 1250, False, True)


def test_a_file_shows_what_it_would_do_and_does_it_when_told(seller: Visitor, engine: Engine) -> None:
    row = table_of(seller)[0]
    assert (row["title"], row["price"], row["on_sale"], row["on_the_way"]) == ("Blue bowl", "12.50", "yes", "20")
    changed = row | {"price": "9.99", "on_sale": "no"}
    fresh = {"title": "Tea pot", "description": "Holds tea.", "shelf": "KITCHEN", "price": "$30", "backorder": "yes"}
    send(seller, written([changed, dict.fromkeys(row, "") | fresh]))
    assert seller.sees("1 item would be added, 1 changed; 0 stay as they are. Nothing was done yet.")
    assert seller.sees("changed: price, on sale (withdrawn)")
    assert items_of(engine) == [BOWL]
    seller.submit("/sell/items/table/")
    assert seller.sees("Done: 1 added, 1 changed.")
    assert items_of(engine) == [("Blue bowl", 999, False, False), ("Tea pot", 3000, True, True)]
    assert seller.get("/products?q=holds+tea").sees("Tea pot")


def test_what_was_written_out_can_be_read_in_and_changes_nothing(seller: Visitor, engine: Engine) -> None:
    seller.get("/sell/items/new").submit(
        "/sell/items/new", **{**ITEM, "title": "=1+1", "description": 'Two\nlines, a "quote"; and more'}
    )
    send(seller, seller.client.get("/sell/items.csv").get_data())
    assert seller.sees("Everything in this file is so already.")


def test_pressing_twice_adds_once(seller: Visitor, engine: Engine) -> None:
    send(seller, NEW + "Cup,A cup.,kitchen,3\n")
    seller.press("/sell/items/table/")
    seller.submit("/sell/items/table/")
    assert [title for title, *_ in items_of(engine)] == ["Blue bowl", "Cup"]


def test_one_bad_line_stops_all_of_them_and_every_problem_has_its_line(seller: Visitor, engine: Engine) -> None:
    own = table_of(seller)[0]["item"]
    lines = [
        "item,title,description,shelf,price,backorder,on_sale",
        f"{own},,,,1.00,,",
        ",Cup,A cup.,kitchen,free,,",
        ',"Two\nlines",A cup.,nowhere,3,,',
        ",,A cup.,kitchen,3,,",
        f",{'x' * 121},A cup.,kitchen,3,,",
        "99999,,,,3,,",
        "one,,,,3,,",
        f"{own},,,,2.00,,",
        ",Cup,A cup.,kitchen,3,perhaps,",
        ",Cup,A cup.,kitchen,3,,",
        ",,A cup.,nowhere,free,perhaps,soon",
    ]
    send(seller, "\n".join(lines))
    assert seller.sees("9 lines need a change, so nothing was done.")
    for told in (
        "3 price Write a price in dollars, such as 4.50.",
        "4 shelf There is no such shelf.",
        "6 title A new item needs one.",
        "7 title Write at most 120 characters; these are 121.",
        "8 item You have no item 99999.",
        "9 item Write the number of one of your items",
        "10 item Line 2 is about this item already.",
        "11 backorder Write yes or no.",
        # All that is wrong with a line, in its order.
        "13 title A new item needs one. 13 shelf There is no such shelf."
        " 13 price Write a price in dollars, such as 4.50. 13 backorder Write yes or no. 13 on_sale Write yes or no.",
    ):
        assert seller.sees(told), told
    assert not any("/table/" in form.action for form in seller.page.forms if form.method == "post")
    batch = seller.path
    token = seller.get("/account").token
    assert seller.client.post(batch, data={"csrf_token": token}).status_code == 422
    assert items_of(engine) == [BOWL]


def test_what_has_changed_since_the_file_was_shown_is_looked_at_again(seller: Visitor, engine: Engine) -> None:
    own = table_of(seller)[0]["item"]
    send(seller, f"item,price\n{own},5\n")
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id == int(own)).values(seller_id=1))
    seller.submit("/sell/items/table/")
    assert seller.status == 422
    assert seller.sees(f"You have no item {own}.")


def test_the_words_of_another_shops_product_stay_as_they_are(seller: Visitor, rival: Visitor) -> None:
    product_id = next(link for link in seller.get("/products?q=bowl").page.links if link.startswith("/products/"))
    rival.get(f"/sell{product_id}").submit(f"/sell{product_id}", price_cents="11", quantity="3")
    row = table_of(rival)[0]
    send(rival, written([row | {"price": "10"}]))
    assert rival.sees("0 items would be added, 1 changed")
    send(rival, written([row | {"title": "Mine"}]))
    assert rival.sees("2 title The words belong to the shop that first sold this.")


def test_somebody_elses_items_and_files_are_unknown(seller: Visitor, rival: Visitor) -> None:
    own = table_of(seller)[0]["item"]
    send(rival, f"item,price\n{own},0.01\n")
    assert rival.sees(f"You have no item {own}.")
    send(seller, NEW + "Cup,A cup.,kitchen,3\n")
    assert rival.get(seller.path).status == 404
    assert table_of(rival) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "This file is empty."),
        (b"\n \n,,\n", "This file is empty."),
        (b"title,colour\nCup,red\n", "Line 1 names a column \u201ccolour\u201d."),
        (b"title,title\nCup,Cup\n", "Line 1 names the column \u201ctitle\u201d twice."),
        (b"title,price\nCup,1\n\xff,1\n", "Line 3 is not in UTF-8."),
        ("title\nCup\n".encode("utf-16"), "This file is in UTF-16."),
        (b"title,price\nCup,1\nC\0p,2\n", "Line 3 has a character that no text has."),
        (b'title,price\nCup,1\n"open,2\n', "Line 3 cannot be read"),
        (b"title,price\nCup,1,2,3\n", "Line 2 has 4 cells, and the first line names 2."),
        (b"title\n" + b"x\n" * (MOST_LINES + 1), "There are more than 2,000 lines."),
        (b"title\n" + b"x" * MOST_BYTES, "This file is larger than 1 MB."),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_line(seller: Visitor, content: bytes, words: str) -> None:
    send(seller, content)
    assert seller.status == 422
    assert seller.sees(words)


def test_a_table_of_many_lines_is_taken_whole(seller: Visitor) -> None:
    lines = [f'"Cup, number {number}","A cup.\n\nFor {"tea " * 40}",kitchen,3.50' for number in range(MOST_LINES)]
    send(seller, "\n".join(["title,description,shelf,price", *lines]).encode())
    assert seller.sees("2000 items would be added")


def test_no_file_at_all_is_told(seller: Visitor) -> None:
    seller.get("/sell/items/table").submit("/sell/items/table")
    assert seller.status == 422
    assert seller.sees("Choose a file.")


@pytest.mark.parametrize(
    "content",
    [
        "title,price\nTee,1\n",
        "\ufefftitle,price\nTee,1\n",
        "Title;Price\r\nTee;1\r\n",
        ' price , "title" \n 1 , Tee \n'.replace(' "title" ', '"title"'),
        "title,price,in stock\nTee,1,7\n\n\n",
        "title,price\n'Tee,1\n".replace("'", ""),
    ],
)
def test_files_are_read_as_spreadsheets_write_them(content: str) -> None:
    (line,) = read_table(decode(content.encode()), COLUMNS, TOLD)
    assert (line.number, dict(line.cells)) == (2, {"title": "Tee", "price": "1"})


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x","y")'])
def test_no_cell_is_a_formula_and_reading_it_gives_what_it_was(cell: str) -> None:
    text = write_table(("title",), [(cell,)])
    (row,) = list(csv.reader(io.StringIO(text)))[1:]
    assert row == ["'" + cell]
    assert read_table(text, COLUMNS, TOLD)[0].cells["title"] == cell


def test_line_numbers_are_those_of_the_file_where_cells_have_several_lines() -> None:
    lines = read_table('title,description\nA,"1\n2\n3"\n\nB,x\n', COLUMNS, TOLD)
    assert [line.number for line in lines] == [2, 6]


def test_a_table_of_most_lines_is_read_with_few_queries(
    seller: Visitor, engine: Engine, count_queries: Callable[[], list[str]]
) -> None:
    send(seller, NEW + "".join(f"Cup {number},A cup.,kitchen,3\n" for number in range(MOST_LINES)))
    count_queries()
    seller.get(seller.path)
    assert len(asked := count_queries()) <= 4, asked
    count_queries()
    seller.submit("/sell/items/table/")
    # SQLite is told of new rows one by one.
    assert len(count_queries()) < (60 if engine.dialect.name == "postgresql" else MOST_LINES + 60)
    assert len(items_of(engine)) == MOST_LINES + 1
    assert len(table_of(seller)) == MOST_LINES + 1


def test_orders_are_written_out_a_line_for_each_own_thing(
    seller: Visitor, rival: Visitor, orders: FakeOrders, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(update(Offer).where(Offer.id > 1).values(allow_backorder=True))
    found = rival.get("/products?q=bowl").page.links
    rival.put_in_cart(int(next(link for link in found if link.startswith("/products/")).rpartition("/")[2]), 2)
    rival.put_in_cart(1).get("/checkout").submit("/checkout", x="1", y="2")
    (row,) = table_of(seller, "/sell/orders.csv")
    assert (row["order"], row["title"], row["quantity"], row["total"]) == ("1", "Blue bowl", "2", "25.00")
    orders.get_refusal = Unavailable("DATABASE_AWAY", "away")
    assert seller.get("/sell/orders.csv").status == 503


def test_what_a_table_brings_back_is_bought_by_itself_again(seller: Visitor, orders: FakeOrders) -> None:
    (row,) = table_of(seller)
    offer_id = int(row["item"])
    point = {"point-level": "5", "point-quantity": "40", "point-warehouse": "2"}
    seller.get(f"/sell/items/{offer_id}").submit("/reorder", **point)
    seller.get(f"/sell/items/{offer_id}").submit("/withdraw")
    orders.points.clear()
    send(seller, written([row | {"on_sale": "no", "price": "9.00"}])).submit("/sell/items/table/")
    assert orders.points == []
    send(seller, written([row | {"on_sale": "yes"}])).submit("/sell/items/table/")
    assert [(one.offer_id, one.level, one.quantity, one.warehouse_id) for one in orders.points] == [
        (offer_id, 5, 40, 2)
    ]


@pytest.mark.parametrize(
    ("refused", "asked", "named"),
    [(True, 3, "“Bowl 0”."), (False, 1, "“Bowl 0”, “Bowl 1”, “Bowl 2”.")],
    ids=["one is refused", "nobody answers"],
)
def test_what_is_not_bought_by_itself_again_is_named_and_the_rest_is_asked_where_somebody_answers(
    seller: Visitor, orders: FakeOrders, refused: bool, asked: int, named: str
) -> None:
    send(seller, NEW + "".join(f"Bowl {number},Glazed.,kitchen,5\n" for number in range(3))).submit(
        "/sell/items/table/"
    )
    bowls = [row for row in table_of(seller) if row["title"].startswith("Bowl")]
    for row in bowls:
        point = {"point-level": "5", "point-quantity": "40", "point-warehouse": "2"}
        seller.get(f"/sell/items/{row['item']}").submit("/reorder", **point)
    send(seller, written([row | {"on_sale": "no"} for row in bowls])).submit("/sell/items/table/")
    orders.points.clear()
    orders.moods.append(refuse(NotFound("WAREHOUSE_NOT_FOUND", "x")) if refused else outage)
    send(seller, written([row | {"on_sale": "yes"} for row in bowls])).submit("/sell/items/table/")
    assert len(orders.points) == asked
    assert seller.sees(f"has to be bought of {named} Press “Keep to this” on their pages.")


def outage(_take: Callable[[], object]) -> object:
    raise Unavailable("AWAY", "away")


def test_a_file_that_another_has_replaced_is_not_taken_for_applied_when_the_first_one_was(engine: Engine) -> None:
    with engine.begin() as connection:
        seller_id = connection.execute(select(func.min(Offer.seller_id))).scalar_one()
        imports.keep(connection, seller_id, "first", "a", 1.0)
        imports.keep(connection, seller_id, "second", "b", 2.0)
        imports.note_applied(connection, seller_id, "first", 3.0)
        assert imports.find(connection, seller_id, "first") is None
        assert imports.find(connection, seller_id, "second") == imports.Kept("b", None)


def test_a_file_that_nobody_came_back_to_is_forgotten_after_a_day(seller: Visitor, engine: Engine) -> None:
    send(seller, NEW + "Cup,A cup.,kitchen,3\n")
    with engine.begin() as connection:
        assert imports.tidy(connection, 1e12) == 1
    assert seller.get(seller.path).status == 404


def test_too_large_a_file_is_too_large_for_decode_as_well() -> None:
    with pytest.raises(NotATable, match="larger than 1 MB"):
        decode(b"x" * (MOST_BYTES + 1))
