"""The pages of own items: the list, changing, withdrawing, more stock, and when it is bought by itself.

Rules: an item of somebody else is as unknown as one that never was; what orders_svc did not answer can be asked again
without buying twice; a picture is read before any transaction.
"""

import secrets
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from storefront.catalogue.search import read_search
from storefront.catalogue.stock import stock_of
from storefront.photos.developing import MOST_BYTES
from storefront.presentation import told
from storefront.security import the_shopper
from storefront.seller import editing, queries
from storefront.seller.access import sellers_only
from storefront.seller.choices import offer_shelves, offer_warehouses, terms_in, text_in
from storefront.seller.forms import EditForm, ReorderForm, RestockForm, TermsForm
from storefront.seller.meanwhile import note_seen, tell_changes, values_of
from storefront.seller.queries import OwnItem
from storefront.seller.restocking import Restocked, explain, keep_points, restock, set_point
from storefront.seller.shelves import point_of, points_of
from storefront.services import services
from storefront.uploads import takes_files

bp = Blueprint("items", __name__, template_folder="templates", url_prefix="/sell")

# Two forms of one page have a warehouse each.
POINT = "point"
_CONFLICT, _REFUSED = 409, 422
_OVERTAKEN = (
    "This item was changed elsewhere after you opened this page, so nothing was saved yet. Look at what is marked, then"
    " save again."
)


@bp.get("/items")
@sellers_only
def index() -> str:
    """Own items with their stock: on sale, or withdrawn, and with words in them if any are asked for."""
    shopper, search, withdrawn = the_shopper(), read_search(request.args), request.args.get("show") == "withdrawn"
    with services().reader.connect() as connection:
        items, total = queries.items_of(
            connection, shopper.user_id, search.page, withdrawn=withdrawn, patterns=search.patterns
        )
        stock = stock_of(connection, [item.offer_id for item in items])
    asked: dict[str, Any] = {"q": search.question or None, "show": "withdrawn" if withdrawn else None}
    return render_template(
        "seller/items.html",
        items=items,
        stock=stock,
        total=total,
        question=search.question,
        withdrawn=withdrawn,
        page=search.page,
        pages_count=max(1, -(-total // queries.PAGE_SIZE)),
        page_link=lambda number: url_for("items.index", page=number, **asked),
    )


@bp.get("/items/<id32:offer_id>")
@sellers_only
def show(offer_id: int) -> str:
    """One own item, with its stock and the form for more."""
    form = _restock_form()
    if request.args.get("request_id") == f"initial-{offer_id}":
        form = RestockForm(formdata=request.args)
    return _item_page(offer_id, form)


@bp.post("/items/<id32:offer_id>/restock")
@sellers_only
def more(offer_id: int) -> Response | tuple[str, int]:
    """Buys more units of an own item."""
    own, form = _own(offer_id), RestockForm()
    offer_warehouses(form)
    if not form.validate():
        if form.request_id.errors:
            form.request_id.data = secrets.token_urlsafe(24)
        return _item_page(offer_id, form), _REFUSED
    outcome, failed = restock(
        services().orders,
        the_shopper().user_id,
        request_id=form.request_id.data or "",
        offer_id=offer_id,
        warehouse_id=form.warehouse.data,
        quantity=form.quantity.number,
    )
    if outcome is Restocked.DONE:
        flash(told("On the way: {units} more of {title}.", units=form.quantity.number, title=own.title), "success")
        return redirect(url_for("items.show", offer_id=offer_id), 303)
    if outcome is Restocked.UNANSWERED:
        flash("No answer yet. Press again in a moment: the same units are never bought twice.", "warning")
        return _item_page(offer_id, form), 503
    assert failed is not None
    explain(form, failed)
    return _item_page(offer_id, form), _REFUSED


@bp.post("/items/<id32:offer_id>/reorder")
@sellers_only
def reorder(offer_id: int) -> Response | tuple[str, int]:
    """Says when more units of an own item are bought by themselves."""
    own, form = _own(offer_id), ReorderForm(prefix=POINT)
    offer_warehouses(form)
    if not form.validate():
        return _item_page(offer_id, _restock_form(), form), _REFUSED
    outcome, failed = set_point(
        services().orders,
        the_shopper().user_id,
        offer_id=offer_id,
        warehouse_id=form.warehouse.data,
        level=form.level.number,
        quantity=form.quantity.number,
    )
    if outcome is Restocked.UNANSWERED:
        flash("No answer yet. Press again in a moment.", "warning")
        return _item_page(offer_id, _restock_form(), form), 503
    if outcome is Restocked.REFUSED:
        assert failed is not None
        explain(form, failed)
        return _item_page(offer_id, _restock_form(), form), _REFUSED
    if form.level.number:
        words = f"With fewer than {form.level.number} left, we buy {form.quantity.number} more."
    else:
        words = told("{title} is not bought by itself any more.", title=own.title)
    flash(words, "success")
    return redirect(url_for("items.show", offer_id=offer_id), 303)


@bp.get("/items/<id32:offer_id>/edit")
@sellers_only
def edit(offer_id: int) -> str:
    """The form to change an own item."""
    own = _own(offer_id)
    with services().reader.connect() as connection:
        text = queries.text_of(connection, the_shopper().user_id, own.product_id)
    assert text is not None
    values = values_of(own, text)
    form = (EditForm if text.is_creator else TermsForm)(formdata=None, data=values)
    note_seen(form, values)
    return _edit_page(own, form)


@bp.post("/items/<id32:offer_id>/edit")
@takes_files(MOST_BYTES)
@sellers_only
def change(offer_id: int) -> Response | tuple[str, int]:
    """Changes an own item: what is written about it only if this seller created it."""
    parts, seller_id, own = services(), the_shopper().user_id, _own(offer_id)
    with parts.reader.connect() as connection:
        text = queries.text_of(connection, seller_id, own.product_id)
    form = EditForm() if text is not None and text.is_creator else TermsForm()
    if isinstance(form, EditForm):
        offer_shelves(form)
    if not form.validate():
        return _edit_page(own, form), _REFUSED
    with parts.engine.begin() as connection:
        editing.take_turn(connection, seller_id)
        now = queries.own_item(connection, seller_id, offer_id)
        text = queries.text_of(connection, seller_id, own.product_id)
        assert now is not None
        assert text is not None
        overtaken = tell_changes(form, values_of(now, text))
        if not overtaken:
            editing.change_terms(connection, seller_id, offer_id, terms_in(form))
            if isinstance(form, EditForm):
                photo, drawn = form.photo.photo, bool(form.drawn.data)
                editing.change_text(connection, seller_id, own.product_id, text_in(form), photo, drawn=drawn)
    if overtaken:
        return _edit_page(now, form, _OVERTAKEN), _CONFLICT
    flash("Changed.", "success")
    return redirect(url_for("items.show", offer_id=offer_id), 303)


@bp.post("/items/<id32:offer_id>/withdraw")
@sellers_only
def withdraw(offer_id: int) -> Response:
    """Takes an own item off the shelves."""
    parts, own = services(), _own(offer_id)
    with parts.engine.begin() as connection:
        editing.withdraw(connection, the_shopper().user_id, offer_id, parts.clock.now())
    words = "{title} is off the shelves. What was ordered still goes out; you can bring it back here."
    flash(told(words, title=own.title), "info")
    return redirect(url_for("items.show", offer_id=offer_id), 303)


@bp.post("/items/<id32:offer_id>/back")
@sellers_only
def bring_back(offer_id: int) -> Response:
    """Puts an own item that was withdrawn on sale again."""
    parts, seller_id, own = services(), the_shopper().user_id, _own(offer_id)
    with parts.engine.begin() as connection:
        editing.bring_back(connection, seller_id, offer_id)
        points = points_of(connection, [offer_id])
    flash(told("{title} is on sale again.", title=own.title), "success")
    if keep_points(parts.orders, seller_id, points):
        flash("We could not look whether more of it has to be bought. Press “Keep to this” below.", "warning")
    return redirect(url_for("items.show", offer_id=offer_id), 303)


def _own(offer_id: int) -> OwnItem:
    with services().reader.connect() as connection:
        own = queries.own_item(connection, the_shopper().user_id, offer_id)
    if own is None:
        abort(404)
    return own


def _edit_page(own: OwnItem, form: TermsForm, message: str = "") -> str:
    if isinstance(form, EditForm):
        offer_shelves(form)
    return render_template("seller/edit.html", item=own, form=form, message=message, most_bytes=MOST_BYTES)


def _restock_form() -> RestockForm:
    return RestockForm(formdata=None, data={"request_id": secrets.token_urlsafe(24), "quantity": 10})


def _item_page(offer_id: int, form: RestockForm, point_form: ReorderForm | None = None) -> str:
    own = _own(offer_id)
    with services().reader.connect() as connection:
        stock = stock_of(connection, [offer_id])
        text = queries.text_of(connection, the_shopper().user_id, own.product_id)
        point = point_of(connection, offer_id)
    if point_form is None:
        point_form = ReorderForm(formdata=None, prefix=POINT, data=point or {"level": 0, "quantity": 10})
    for one in (form, point_form):
        offer_warehouses(one)
    return render_template(
        "seller/item.html",
        item=own,
        text=text,
        form=form,
        point=point,
        point_form=point_form,
        stock=stock and stock[offer_id],
    )
