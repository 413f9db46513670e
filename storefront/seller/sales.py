"""A seller's orders: own lines of them, how far they are, and nothing of who ordered."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request

from shop.sales.v1 import sales_pb2 as pb
from storefront.catalogue.search import read_question, without_sign
from storefront.orders.history import FILTERS, MAX_TOKEN
from storefront.orders.view import StatusWords, status_words
from storefront.security import limiter, of_shopper_or_address, the_shopper
from storefront.seller.access import sellers_only
from storefront.services import services

bp = Blueprint("sales", __name__, template_folder="templates", url_prefix="/sell/orders")

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class SaleShown:
    """An order as its seller sees it."""

    order_id: int
    placed_at: float
    status: StatusWords
    lines: Sequence[pb.SaleLine]

    @property
    def cents(self) -> int:
        """What the seller's things in it cost."""
        return sum(line.quantity * line.unit_price_cents for line in self.lines)


@bp.get("")
@limiter.limit(
    lambda: services().settings.storefront_search_limit,
    key_func=of_shopper_or_address,
    exempt_when=lambda: not request.args.get("q"),
)
@sellers_only
def index() -> str:
    """Orders of this seller's things, newest first; or those among them that were asked for."""
    question = read_question(request.args.get("q", ""))
    chosen = request.args.get("status", "")
    chosen = chosen if chosen in FILTERS else ""
    token = request.args.get("page", "")[:MAX_TOKEN]
    sales, next_page = find_sales(the_shopper().user_id, chosen, question, token=token)
    return render_template(
        "seller/sales.html",
        sales=sales,
        next_page=next_page,
        first_page=not token,
        question=question,
        chosen=chosen,
        filters=FILTERS,
        asked={name: value for name, value in (("q", question), ("status", chosen)) if value},
    )


def find_sales(
    seller_id: int, status: str = "", question: str = "", *, token: str = "", page_size: int = PAGE_SIZE
) -> tuple[list[SaleShown], str]:
    """A page of a seller's orders that stand as one of FILTERS says, and the token of the next. CallFailed."""
    asked = pb.ListSalesRequest(
        page_size=page_size, page_token=token, question=without_sign(question), statuses=FILTERS[status].statuses
    )
    found = services().orders.list_sales(seller_id, asked)
    sales = [
        SaleShown(sale.order_id, sale.placed_at.ToMicroseconds() / 1e6, status_words(sale.status), tuple(sale.lines))
        for sale in found.sales
    ]
    return sales, found.next_page_token
