"""The pages by which items come into the shop: new ones, and offers of what others sell too.

Rules: the database is written before orders_svc is called, and first units that were not bought can be asked for again
without buying twice; a picture is read before any transaction.
"""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from storefront.catalogue.queries import show_product
from storefront.photos.developing import MOST_BYTES
from storefront.presentation import told
from storefront.security import the_shopper
from storefront.seller import editing, queries
from storefront.seller.access import sellers_only
from storefront.seller.choices import offer_shelves, offer_warehouses, terms_in, text_in
from storefront.seller.forms import ItemForm, OfferForm
from storefront.seller.restocking import Restocked, restock
from storefront.seller.stamps import BadStamp
from storefront.services import services
from storefront.uploads import takes_files

bp = Blueprint("adding", __name__, template_folder="templates", url_prefix="/sell")

_REFUSED = 422


@bp.get("/items/new")
@sellers_only
def new() -> str:
    """The form for a new item."""
    return _new_page(ItemForm(formdata=None, data={"quantity": 10}))


@bp.post("/items/new")
@takes_files(MOST_BYTES)
@sellers_only
def add() -> Response | tuple[str, int]:
    """Adds an item, then buys its first units."""
    parts, shopper, form = services(), the_shopper(), ItemForm()
    offer_shelves(form)
    offer_warehouses(form)
    valid = form.validate()
    try:
        stamped_at = parts.stamps.read(form.stamp.data or "", shopper.user_id)
    except BadStamp:
        flash("This page was out of date. Here it is again, with what you wrote; nothing was added.", "warning")
        valid, stamped_at = False, 0.0
    if not valid:
        return _new_page(form), _REFUSED
    text = text_in(form)
    with parts.engine.begin() as connection:
        offer_id = editing.add_item(
            connection, shopper.user_id, text, terms_in(form), form.photo.photo, stamped_at=stamped_at
        )
    return _buy_first_units(offer_id, text.title, form)


@bp.get("/products/<id32:product_id>")
@sellers_only
def also(product_id: int) -> str | Response:
    """The form for an own offer of what is in the shop already; for who has one, that offer."""
    with services().reader.connect() as connection:
        offer_id = queries.offer_of(connection, the_shopper().user_id, product_id)
    if offer_id is not None:
        return redirect(url_for("items.show", offer_id=offer_id), 303)
    return _also_page(product_id, OfferForm(formdata=None, data={"quantity": 10}))


@bp.post("/products/<id32:product_id>")
@sellers_only
def add_offer(product_id: int) -> Response | tuple[str, int]:
    """Adds an own offer of a product, then buys its first units."""
    parts, shopper, form = services(), the_shopper(), OfferForm()
    offer_warehouses(form)
    with parts.reader.connect() as connection:
        product = show_product(connection, product_id)
    if product is None:
        abort(404)
    if not form.validate():
        return _also_page(product_id, form), _REFUSED
    with parts.engine.begin() as connection:
        offer_id = editing.add_offer(connection, shopper.user_id, product_id, terms_in(form), parts.clock.now())
    return _buy_first_units(offer_id, product.title, form)


def _buy_first_units(offer_id: int, title: str, form: OfferForm) -> Response:
    outcome, _ = restock(
        services().orders,
        the_shopper().user_id,
        request_id=f"initial-{offer_id}",
        offer_id=offer_id,
        warehouse_id=form.warehouse.data,
        quantity=form.quantity.number,
    )
    if outcome is Restocked.DONE:
        flash(told("{title} is in the shop; its first units are on their way.", title=title), "success")
        return redirect(url_for("items.index"), 303)
    flash(
        told("{title} is in the shop, but its first units could not be bought yet. Try that here.", title=title),
        "warning",
    )
    again = {"quantity": form.quantity.data, "warehouse": form.warehouse.data, "request_id": f"initial-{offer_id}"}
    return redirect(url_for("items.show", offer_id=offer_id, **again), 303)


def _new_page(form: ItemForm) -> str:
    parts = services()
    offer_shelves(form)
    offer_warehouses(form)
    form.stamp.data = parts.stamps.write(the_shopper().user_id, parts.clock.now())
    return render_template("seller/new.html", form=form, most_bytes=MOST_BYTES)


def _also_page(product_id: int, form: OfferForm) -> str:
    with services().reader.connect() as connection:
        product = show_product(connection, product_id)
    if product is None:
        abort(404)
    offer_warehouses(form)
    return render_template("seller/also.html", product=product, form=form)
