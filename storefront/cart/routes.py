"""The pages of the cart."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from storefront.cart import queries
from storefront.cart.forms import AddForm, QuantityForm
from storefront.cart.wanted import remember_wanted
from storefront.catalogue.availability import Availability, describe
from storefront.catalogue.queries import product_of
from storefront.catalogue.stock import stock_of
from storefront.checkout.holds import holds_of
from storefront.security import current_shopper, the_shopper
from storefront.services import services

bp = Blueprint("cart", __name__, template_folder="templates")

_REFUSED = 422


@bp.get("/cart")
@login_required
def show() -> str:
    """The cart, with today's prices and stock."""
    return _page()


@bp.post("/cart/items")
def add() -> Response:
    """Puts units of an offer into the cart; asks whoever is not logged in to do that first."""
    parts, form, shopper = services(), AddForm(), current_shopper()
    if not form.validate():
        flash(_first_error(form), "warning")
        return redirect(_product_page(form.offer_id.data), 303)
    offer_id, quantity = form.offer_id.number, form.quantity.number
    if shopper is None:
        remember_wanted(offer_id, quantity)
        flash("Log in to keep a cart. We put the item in it for you.", "info")
        return redirect(url_for("accounts.login"), 303)
    try:
        with parts.engine.begin() as connection:
            queries.add(connection, shopper.user_id, offer_id, quantity, parts.clock.now())
    except queries.CartRefusal as refusal:
        flash(str(refusal), "warning")
        return redirect(_product_page(offer_id), 303)
    flash("In your cart.", "success")
    return redirect(url_for("cart.show"), 303)


@bp.post("/cart/items/<id32:offer_id>")
@login_required
def change(offer_id: int) -> Response | tuple[str, int]:
    """Changes how many units are in the cart."""
    form, shopper = QuantityForm(), the_shopper()
    if not form.validate():
        return _page(wrong=(offer_id, form)), _REFUSED
    with services().engine.begin() as connection:
        found = queries.set_quantity(connection, shopper.user_id, offer_id, form.quantity.number)
    flash(*(("Changed.", "success") if found else ("This item is not in your cart any more.", "warning")))
    return redirect(url_for("cart.show"), 303)


@bp.post("/cart/items/<id32:offer_id>/remove")
@login_required
def remove(offer_id: int) -> Response:
    """Takes an offer out of the cart."""
    shopper = the_shopper()
    with services().engine.begin() as connection:
        queries.remove(connection, shopper.user_id, offer_id)
    flash("Removed.", "info")
    return redirect(url_for("cart.show"), 303)


def _page(wrong: tuple[int, QuantityForm] | None = None) -> str:
    shopper = the_shopper()
    with services().reader.connect() as connection:
        holds = holds_of(connection, shopper.user_id)
        lines = queries.lines_of(connection, shopper.user_id)
        stock = stock_of(connection, [line.offer_id for line in lines])
    words: dict[int, Availability] = {
        line.offer_id: describe(None if stock is None else stock[line.offer_id], allow_backorder=line.allow_backorder)
        for line in lines
    }
    return render_template(
        "cart/cart.html",
        lines=lines,
        words=words,
        total_cents=sum(line.total_cents for line in lines if line.for_sale),
        held=holds.units,
        unanswered=list(holds.attempts),
        all_held=bool(lines) and not holds.free(lines),
        can_check_out=bool(lines) and all(line.for_sale for line in lines),
        wrong_offer=wrong[0] if wrong else None,
        wrong_form=wrong[1] if wrong else None,
        max_quantity=queries.MAX_QUANTITY,
    )


def _first_error(form: AddForm) -> str:
    for field, errors in form.errors.items():
        if errors:
            return f"{field.replace('_', ' ').capitalize()}: {errors[0]}"
    return "That did not work."


def _product_page(offer_id: int | None) -> str:
    if offer_id is None:
        return url_for("catalogue.home")
    with services().reader.connect() as connection:
        product_id = product_of(connection, offer_id)
    return url_for("catalogue.product", product_id=product_id) if product_id else url_for("catalogue.home")
