"""Items and orders as tables, out of the shop and into it.

Rules: a file that is sent does nothing yet: it is kept, and what it would do is shown; pressing the button does all of
that or nothing, once. Of each seller the last file is kept, for a day. What is written out is read before the first
byte is sent, or a page at a time from this database, so no answer breaks off because orders_svc does.
"""

import secrets
from collections.abc import Iterator

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from storefront.presentation import iso, isolated, told
from storefront.security import the_shopper
from storefront.seller import imports
from storefront.seller.access import sellers_only
from storefront.seller.editing import take_turn
from storefront.seller.exporting import ITEM_COLUMNS, dollars, item_rows
from storefront.seller.importing import COLUMNS, TOLD, Plan, apply_import, plan_import
from storefront.seller.restocking import keep_points
from storefront.seller.sales import find_sales
from storefront.seller.shelves import points_of
from storefront.seller.spreadsheets import MOST_BYTES, MOST_LINES, NotATable, decode, read_table, write_table
from storefront.services import services
from storefront.uploads import takes_files, was_too_large

bp = Blueprint("exchange", __name__, template_folder="templates", url_prefix="/sell")

ORDER_COLUMNS = ("order", "placed_at", "status", "item", "title", "unit_price", "quantity", "total")
# Orders are asked for in pages; so many of the newest are written out.
ORDER_PAGES, ORDERS_IN_PAGE = 20, 100
_SHOWN = 100
_NAMED = 5
_REFUSED = 422


@bp.get("/items/table")
@sellers_only
def show() -> str:
    """Where tables are sent, and what they look like."""
    return _page()


@bp.post("/items/table")
@takes_files(MOST_BYTES)
@sellers_only
def send() -> AnyResponse | tuple[str, int]:
    """Keeps a table, and shows what it would do."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page("Choose a file."), _REFUSED
    if was_too_large(file):
        return _page(f"This file is larger than {MOST_BYTES // 2**20} MB. Send it in parts."), _REFUSED
    try:
        text = decode(file.stream.read())
        read_table(text, COLUMNS, TOLD)
    except NotATable as problem:
        return _page(str(problem)), _REFUSED
    parts, batch = services(), secrets.token_urlsafe(18)
    with parts.engine.begin() as connection:
        take_turn(connection, the_shopper().user_id)
        imports.keep(connection, the_shopper().user_id, batch, text, parts.clock.now())
    return redirect(url_for("exchange.look", batch=batch), 303)


@bp.get("/items/table/<batch>")
@sellers_only
def look(batch: str) -> str | AnyResponse:
    """What a table would do, line by line."""
    seller_id = the_shopper().user_id
    with services().reader.connect() as connection:
        kept = imports.find(connection, seller_id, batch)
        if kept is None:
            abort(404)
        if kept.applied_at is not None:
            return redirect(url_for("items.index"), 303)
        plan = plan_import(connection, seller_id, read_table(kept.content, COLUMNS, TOLD))
    return _plan_page(batch, plan)


@bp.post("/items/table/<batch>")
@sellers_only
def apply(batch: str) -> AnyResponse | tuple[str, int]:
    """Does what a table says, all of it or nothing, once."""
    parts, seller_id = services(), the_shopper().user_id
    with parts.engine.begin() as connection:
        take_turn(connection, seller_id)
        kept = imports.find(connection, seller_id, batch)
        if kept is None:
            abort(404)
        if kept.applied_at is not None:
            return redirect(url_for("items.index"), 303)
        plan = plan_import(connection, seller_id, read_table(kept.content, COLUMNS, TOLD))
        if not plan.problems:
            apply_import(connection, seller_id, plan, parts.clock.now())
            imports.note_applied(connection, seller_id, batch, parts.clock.now())
            points = points_of(connection, [one.offer_id for one in plan.changes if one.comes_back])
    if plan.problems:
        return _plan_page(batch, plan), _REFUSED
    words = "Done: {added} added, {changed} changed."
    flash(told(words, added=len(plan.additions), changed=len(plan.changes)), "success")
    if unkept := set(keep_points(parts.orders, seller_id, points)):
        names = [one.entry.text.title for one in plan.changes if one.offer_id in unkept]
        listed = ", ".join(f"“{isolated(name)}”" for name in names[:_NAMED])
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        words = (
            f"We could not look whether more has to be bought of {listed}{more}. Press “Keep to this” on their pages."
        )
        flash(words, "warning")
    return redirect(url_for("items.index"), 303)


@bp.get("/items.csv")
@sellers_only
def items() -> Response:
    """All own items, as `send` reads them."""
    reader, seller_id = services().reader, the_shopper().user_id

    def written() -> Iterator[str]:
        yield write_table(ITEM_COLUMNS, ())
        after = 0
        while True:
            with reader.connect() as connection:
                rows = item_rows(connection, seller_id, after)
            if not rows:
                return
            yield write_table(ITEM_COLUMNS, rows, heading=False)
            after = int(rows[-1][0])

    return _table(written(), "items")


@bp.get("/orders.csv")
@sellers_only
def orders() -> Response:
    """The newest orders of own things, a line for each thing."""
    rows: list[tuple[object, ...]] = []
    token = ""
    for _ in range(ORDER_PAGES):
        sales, token = find_sales(the_shopper().user_id, token=token, page_size=ORDERS_IN_PAGE)
        for sale in sales:
            rows += [
                (
                    sale.order_id,
                    iso(sale.placed_at),
                    sale.status.words,
                    line.offer_id,
                    line.title,
                    dollars(line.unit_price_cents),
                    line.quantity,
                    dollars(line.quantity * line.unit_price_cents),
                )
                for line in sale.lines
            ]
        if not token:
            break
    return _table(iter([write_table(ORDER_COLUMNS, rows)]), "orders")


def _table(written: Iterator[str], name: str) -> Response:
    answer = Response(written, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="minimart-{name}.csv"'
    return answer


def _page(problem: str = "") -> str:
    return render_template(
        "seller/table.html",
        problem=problem,
        columns=COLUMNS,
        most_bytes=MOST_BYTES,
        most_lines=MOST_LINES,
        most_orders=ORDER_PAGES * ORDERS_IN_PAGE,
    )


def _plan_page(batch: str, plan: Plan) -> str:
    return render_template("seller/plan.html", batch=batch, plan=plan, shown=_SHOWN)
