"""The way in for sellers: the dashboard, and for others how to become one.

Rules: what orders_svc is asked for is asked before the page is made and may be missing: stock is shown all the same.
"""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from db.shop.audit import SecurityEvent
from storefront.accounts.queries import become_seller
from storefront.audit.noting import note
from storefront.orders_client import CallFailed
from storefront.security import the_shopper
from storefront.seller import shelves
from storefront.seller.chart import Chart, draw_sales
from storefront.seller.forms import BecomeSellerForm
from storefront.seller.sales import SaleShown, find_sales
from storefront.services import services

bp = Blueprint("seller", __name__, template_folder="templates", url_prefix="/sell")

DAYS = 30
TO_COME = 5
_REFUSED = 422


@bp.get("")
@login_required
def index() -> str:
    """Sales, orders to come and stock at a glance; for others, how to become a seller."""
    shopper = the_shopper()
    if not shopper.is_seller:
        form = BecomeSellerForm(formdata=None, data={"display_name": shopper.display_name})
        return render_template("seller/become.html", form=form)
    chart, to_come = _sales(shopper.user_id)
    with services().reader.connect() as connection:
        places = shelves.by_warehouse(connection, shopper.user_id)
        low = shelves.low_stock(connection, shopper.user_id)
    return render_template(
        "seller/dashboard.html", chart=chart, to_come=to_come, places=places, low=low, days=DAYS, low_below=shelves.LOW
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
    flash("Your shop is open. Add an item to it.", "success")
    return redirect(url_for("seller.index"), 303)


def _sales(seller_id: int) -> tuple[Chart | None, list[SaleShown]]:
    """The chart, and the newest orders that are under way. No chart: orders_svc does not answer."""
    try:
        days = services().orders.sum_sales(seller_id, DAYS)
        to_come, _ = find_sales(seller_id, "open", page_size=TO_COME)
    except CallFailed:
        return None, []
    return draw_sales(days), to_come
