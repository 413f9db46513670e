"""The pages of reviews. Who may write one is asked of orders_svc: somebody to whom the product was delivered."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import login_required
from grpc import StatusCode
from werkzeug.wrappers import Response

from shop.orders.v1 import orders_pb2
from storefront.catalogue.queries import ProductShown, show_product
from storefront.orders_client import CallFailed
from storefront.reviews import queries
from storefront.reviews.forms import STARS, ReviewForm
from storefront.security import the_shopper
from storefront.services import services

bp = Blueprint("reviews", __name__, template_folder="templates")

_REFUSED = 422
_NOT_YET = "You can review this once it has come to you."


@bp.get("/products/<id32:product_id>/review")
@login_required
def edit(product_id: int) -> str | Response:
    """The form, with one's own review if there is one."""
    product, own = _product(product_id)
    if own is None and not _got(product_id):
        flash(_NOT_YET, "info")
        return redirect(url_for("catalogue.product", product_id=product_id), 303)
    form = ReviewForm(formdata=None, data={"stars": own.stars, "words": own.words} if own else None)
    return _page(product, own, form)


@bp.post("/products/<id32:product_id>/review")
@login_required
def write(product_id: int) -> Response | tuple[str, int]:
    """Writes or changes one's own review."""
    parts, shopper, form = services(), the_shopper(), ReviewForm()
    product, own = _product(product_id)
    if not form.validate():
        return _page(product, own, form), _REFUSED
    try:
        may_write = own is not None or _got(product_id)
    except CallFailed:
        form.words.errors = ["We cannot look up your orders right now. Send it again in a moment."]
        return _page(product, own, form), 503
    if not may_write:
        flash(_NOT_YET, "warning")
        return redirect(url_for("catalogue.product", product_id=product_id), 303)
    with parts.engine.begin() as connection:
        queries.write(
            connection,
            shopper.user_id,
            product_id,
            stars=form.stars.number,
            words=(form.words.data or "").strip(),
            now=parts.clock.now(),
        )
    flash("Thank you for your review.", "success")
    return redirect(url_for("catalogue.product", product_id=product_id, _anchor="reviews"), 303)


@bp.post("/products/<id32:product_id>/review/remove")
@login_required
def remove(product_id: int) -> Response:
    """Removes one's own review."""
    with services().engine.begin() as connection:
        if queries.remove(connection, the_shopper().user_id, product_id):
            flash("Your review is gone.", "info")
    return redirect(url_for("catalogue.product", product_id=product_id), 303)


def _page(product: ProductShown, own: queries.ReviewShown | None, form: ReviewForm) -> str:
    return render_template("reviews/review.html", product=product, form=form, own=own, choices=STARS)


def _product(product_id: int) -> tuple[ProductShown, queries.ReviewShown | None]:
    with services().reader.connect() as connection:
        product = show_product(connection, product_id)
        own = queries.own_review(connection, the_shopper().user_id, product_id)
    if product is None:
        abort(404)
    return product, own


def _got(product_id: int) -> bool:
    """Whether a parcel with this product was delivered to the shopper. CallFailed: nobody can say."""
    parts, user_id = services(), the_shopper().user_id
    with parts.reader.connect() as connection:
        order_ids, offer_ids = queries.orders_with(connection, user_id, product_id)
    return any(_came(user_id, order_id, offer_ids) for order_id in order_ids)


def _came(user_id: int, order_id: int, offer_ids: set[int]) -> bool:
    try:
        order = services().orders.get_order(user_id, order_id)
    except CallFailed as failed:
        if failed.failure.code is StatusCode.NOT_FOUND:
            return False
        raise
    return any(
        shipment.status == orders_pb2.ORDER_STATUS_DELIVERED
        and any(item.offer_id in offer_ids for item in shipment.items)
        for shipment in order.shipments
    )
