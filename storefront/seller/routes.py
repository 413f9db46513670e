"""The pages of sellers: the way in, own items, a new item, more stock.

Rules: everything but the way in is for sellers; an item of somebody else is as unknown as one that never was; the
database is written before orders_svc is called, and what it did not answer can be asked again without buying twice.
"""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from db.shop.audit import SecurityEvent
from storefront import pictures
from storefront.accounts.queries import become_seller
from storefront.audit.noting import note
from storefront.catalogue.search import read_search
from storefront.catalogue.stock import stock_of, warehouses
from storefront.security import the_shopper
from storefront.seller import queries
from storefront.seller.forms import NOT_CHOSEN, BecomeSellerForm, ItemForm, RestockForm
from storefront.seller.restocking import Restocked, explain, restock
from storefront.seller.stamps import BadStamp
from storefront.services import services

bp = Blueprint("seller", __name__, template_folder="templates", url_prefix="/sell")

_REFUSED = 422


def sellers_only(view: Callable[..., Any]) -> Callable[..., Any]:
    """The page is for shoppers who have become sellers; others are told how."""

    @wraps(view)
    @login_required
    def guarded(*args: Any, **named: Any) -> Any:
        if not the_shopper().is_seller:
            abort(403)
        return view(*args, **named)

    return guarded


@bp.get("")
@login_required
def index() -> str:
    """Own items with their stock; for others, how to become a seller."""
    shopper, parts = the_shopper(), services()
    if not shopper.is_seller:
        form = BecomeSellerForm(formdata=None, data={"display_name": shopper.display_name})
        return render_template("seller/become.html", form=form)
    page = read_search(request.args).page
    with parts.reader.connect() as connection:
        items, total = queries.items_of(connection, shopper.user_id, page)
        stock = stock_of(connection, [item.offer_id for item in items])
    pages = max(1, -(-total // queries.PAGE_SIZE))
    return render_template(
        "seller/items.html",
        items=items,
        stock=stock,
        total=total,
        page=page,
        pages_count=pages,
        seller_page_link=lambda number: url_for("seller.index", page=number),
    )


@bp.post("")
@login_required
def become() -> Response | tuple[str, int]:
    """Makes a seller of whoever asks."""
    parts, form = services(), BecomeSellerForm()
    if not form.validate():
        return render_template("seller/become.html", form=form), _REFUSED
    with parts.engine.begin() as connection:
        become_seller(connection, the_shopper().user_id, display_name=form.display_name.data or "")
        note(connection, SecurityEvent.ROLE_CHANGED, the_shopper().user_id, "seller")
    flash("Your shop is open. Add your first item.", "success")
    return redirect(url_for("seller.index"), 303)


@bp.get("/items/new")
@sellers_only
def new_item() -> str:
    """The form for a new item."""
    return _item_page(ItemForm(formdata=None, data={"quantity": 10}))


@bp.post("/items/new")
@sellers_only
def add_item() -> Response | tuple[str, int]:
    """Adds an item, then buys its first units."""
    parts, shopper, form = services(), the_shopper(), ItemForm()
    _offer_choices(form)
    valid = form.validate()
    try:
        stamped_at = parts.stamps.read(form.stamp.data or "", shopper.user_id)
    except BadStamp:
        flash("This page was out of date. Here it is again, with what you wrote; nothing was added.", "warning")
        valid, stamped_at = False, 0.0
    if not valid:
        return _item_page(form), _REFUSED
    item = queries.NewItem(
        title=form.title.data or "",
        description=(form.description.data or "").strip(),
        category_id=form.category.data,
        price_cents=form.price_cents.cents,
        picture=pictures.picture_for(form.title.data or ""),
        allow_backorder=bool(form.allow_backorder.data),
    )
    with parts.engine.begin() as connection:
        offer_id = queries.add_item(connection, shopper.user_id, item, stamped_at=stamped_at)
    outcome, _ = restock(
        parts.orders,
        shopper.user_id,
        request_id=f"initial-{offer_id}",
        offer_id=offer_id,
        warehouse_id=form.warehouse.data,
        quantity=form.quantity.number,
    )
    if outcome is Restocked.BOUGHT:
        flash(f"{item.title} is in the shop; its first units are on their way.", "success")
        return redirect(url_for("seller.index"), 303)
    flash(f"{item.title} is in the shop, but its first units could not be bought yet. Try that here.", "warning")
    again = {"quantity": form.quantity.data, "warehouse": form.warehouse.data, "request_id": f"initial-{offer_id}"}
    return redirect(url_for("seller.item", offer_id=offer_id, **again), 303)


@bp.get("/items/<id32:offer_id>")
@sellers_only
def item(offer_id: int) -> str:
    """One own item, with its stock and the form for more."""
    form = RestockForm(formdata=None, data={"request_id": secrets.token_urlsafe(24), "quantity": 10})
    if request.args.get("request_id") == f"initial-{offer_id}":
        form = RestockForm(formdata=request.args)
    return _restock_page(offer_id, form)


@bp.post("/items/<id32:offer_id>/restock")
@sellers_only
def more(offer_id: int) -> Response | tuple[str, int]:
    """Buys more units of an own item."""
    parts, shopper, form = services(), the_shopper(), RestockForm()
    _offer_warehouses(form)
    with parts.reader.connect() as connection:
        own = queries.own_item(connection, shopper.user_id, offer_id)
    if own is None:
        abort(404)
    if not form.validate():
        if form.request_id.errors:
            form.request_id.data = secrets.token_urlsafe(24)
        return _restock_page(offer_id, form), _REFUSED
    outcome, failed = restock(
        parts.orders,
        shopper.user_id,
        request_id=form.request_id.data or "",
        offer_id=offer_id,
        warehouse_id=form.warehouse.data,
        quantity=form.quantity.number,
    )
    if outcome is Restocked.BOUGHT:
        flash(f"{form.quantity.data} more of {own.title} are on their way.", "success")
        return redirect(url_for("seller.index"), 303)
    if outcome is Restocked.UNANSWERED:
        flash("No answer yet. Press again in a moment: the same units are never bought twice.", "warning")
        return _restock_page(offer_id, form), 503
    assert failed is not None
    explain(form, failed)
    return _restock_page(offer_id, form), _REFUSED


def _item_page(form: ItemForm) -> str:
    parts = services()
    _offer_choices(form)
    form.stamp.data = parts.stamps.write(the_shopper().user_id, parts.clock.now())
    return render_template("seller/new.html", form=form)


def _restock_page(offer_id: int, form: RestockForm) -> str:
    with services().reader.connect() as connection:
        own = queries.own_item(connection, the_shopper().user_id, offer_id)
        stock = stock_of(connection, [offer_id])
    if own is None:
        abort(404)
    _offer_warehouses(form)
    return render_template("seller/item.html", item=own, form=form, stock=stock and stock[offer_id])


def _offer_choices(form: ItemForm) -> None:
    with services().reader.connect() as connection:
        form.category.choices = [(NOT_CHOSEN, "Choose a shelf"), *queries.categories(connection)]
    _offer_warehouses(form)


def _offer_warehouses(form: ItemForm | RestockForm) -> None:
    with services().reader.connect() as connection:
        form.warehouse.choices = warehouses(connection)
    if not form.warehouse.choices:
        form.warehouse.errors = ["The warehouses are not known yet. Try again in a moment."]
