"""The pages of checkout.

A checkout page carries a ticket; pressing "place order" commits an attempt and then asks orders_svc, for as long as the
deadline allows. A yes leads to the order, a no comes back beside the field or line, and silence leads to a page that
says "confirming" and reloads itself, while the sweep goes on asking. Pressing twice, going back and reloading all meet
the attempt that is there already, and what is in an attempt without an answer cannot be ordered again from another
page; the rest of the cart can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask_login import login_required
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from db.shop.checkouts import CheckoutState
from storefront.accounts.shopper import Shopper
from storefront.addresses.grid import draw_grid
from storefront.addresses.queries import AddressShown, BookFull, book_of
from storefront.addresses.queries import add as add_address
from storefront.cart.notices import still_to_come, too_few
from storefront.cart.queries import CartLine, lines_of
from storefront.catalogue.stock import stock_of, warehouse_places
from storefront.checkout import attempts
from storefront.checkout.account import Verdict, verdict_on
from storefront.checkout.answers import Accepted, Refused
from storefront.checkout.asking import ask
from storefront.checkout.attempts import Attempt, CartChanged, Destination, Existing
from storefront.checkout.forms import ELSEWHERE, CheckoutForm
from storefront.checkout.holds import holds_of
from storefront.checkout.sweep import CLAIM_MARGIN_SECONDS
from storefront.checkout.tickets import BadTicket, TicketLine
from storefront.security import limiter, of_shopper_or_address, the_shopper
from storefront.services import services

bp = Blueprint("checkout", __name__, template_folder="templates")

_REFUSED = 422
_CART_CHANGED = (
    "Your cart has changed since this page was shown. Nothing was ordered: look at what is in it now, and order again."
)
_TOO_FEW = "Not all of this can be ordered like this: see beside it."
_NOTHING_IN_CART = "Your cart is empty: there is nothing to check out. Look at your orders for what you bought."
# What is typed into a page of which nothing can be ordered any more, for the next one.
_TYPED = "checkout"
_TYPED_FIELDS = ("address", "x", "y", "remember", "label", "ups_account")
MAX_TYPED = 100
_NOTHING_WRONG: Mapping[int, str] = {}


@bp.get("/checkout")
@login_required
def show() -> str | Response:
    """The checkout page for the cart as it is now, without what is being confirmed."""
    shopper = the_shopper()
    if (already := _bought_already(shopper)) is not None:
        return already
    with services().reader.connect() as connection:
        book = book_of(connection, shopper.user_id)
        last = attempts.last_destination(connection, shopper.user_id) if not book else None
    form = CheckoutForm(
        formdata=MultiDict(session[_TYPED]) if _TYPED in session else None,
        data={
            "address": str(book[0].address_id) if book else ELSEWHERE,
            "x": last.x if last else None,
            "y": last.y if last else None,
            "ups_account": shopper.ups_account or (last.ups_account if last else ""),
        },
    )
    return _page(shopper, form, book)


@bp.post("/checkout")
@login_required
def place() -> Response | str | tuple[str | Response, int]:
    """Places the order that the page showed."""
    parts, shopper, form = services(), the_shopper(), CheckoutForm()
    try:
        ticket = parts.tickets.read(form.ticket.data or "", shopper.user_id)
    except BadTicket:
        flash("This page was out of date. Here is a new one; nothing was ordered.", "warning")
        return _again(shopper, form)
    with parts.reader.connect() as connection:
        book = book_of(connection, shopper.user_id)
    if request.form.get("check"):
        return _page(shopper, form, book, verdict=_verdict(form))
    if not form.validate_to(book):
        return _again(shopper, form)
    to = Destination(form.x.number, form.y.number, form.ups_account.data or "")
    patience = parts.settings.storefront_order_deadline + CLAIM_MARGIN_SECONDS
    with parts.engine.begin() as connection:
        begun = attempts.begin(connection, ticket, to, now=parts.clock.now(), patience=patience)
    if isinstance(begun, Existing):
        if begun.request_id != ticket.request_id:
            flash("Nothing more was ordered: what this page showed is being ordered already.", "warning")
        return redirect(url_for("checkout.attempt", request_id=begun.request_id), 303)
    if isinstance(begun, CartChanged):
        return _again(shopper, form, message=_CART_CHANGED)
    session.pop(_TYPED, None)
    if form.is_elsewhere and form.remember.data:
        _remember(shopper, form.label.data or "", to)
    answer = ask(parts.engine, parts.orders, parts.clock, begun)
    if isinstance(answer, Accepted):
        flash("Thank you. Your order is in.", "success")
        return redirect(url_for("orders.show", order_id=answer.order_id), 303)
    if isinstance(answer, Refused):
        for name, words in answer.fields.items():
            form[name].errors = [words]
        return _again(shopper, form, message=f"Nothing was ordered. {answer.message}", wrong=answer.offers)
    return redirect(url_for("checkout.attempt", request_id=ticket.request_id), 303)


@bp.get("/ups-account")
@limiter.limit(lambda: services().settings.storefront_account_check_limit, key_func=of_shopper_or_address)
@login_required
def account() -> str:
    """What UPS says of an account name: a part of a page."""
    form = CheckoutForm(MultiDict({"ups_account": request.args.get("name", "")}))
    return render_template("checkout/account.html", verdict=_verdict(form))


@bp.get("/checkout/<request_id>")
@login_required
def attempt(request_id: str) -> str | Response:
    """How far one press of "place order" has come."""
    shopper = the_shopper()
    with services().reader.connect() as connection:
        found = attempts.find(connection, shopper.user_id, request_id[:64].replace("\0", ""))
    if found is None:
        abort(404)
    if found.state is CheckoutState.ACCEPTED:
        return redirect(url_for("orders.show", order_id=found.order_id), 303)
    return _attempt_page(found)


def _verdict(form: CheckoutForm) -> Verdict | None:
    """What UPS says of the account that was written; None if it cannot be one."""
    if not form.ups_account.validate(form):
        return None
    return verdict_on(services().orders, the_shopper().user_id, form.ups_account.data or "")


def _attempt_page(found: Attempt) -> str:
    page = "confirming" if found.state is CheckoutState.CONFIRMING else "refused"
    return render_template(f"checkout/{page}.html", attempt=found)


def _again(
    shopper: Shopper, form: CheckoutForm, *, message: str = "", wrong: Mapping[int, str] = _NOTHING_WRONG
) -> tuple[str | Response, int] | Response:
    with services().reader.connect() as connection:
        book = book_of(connection, shopper.user_id)
    page = _page(shopper, form, book, message=message, wrong=wrong)
    return page if isinstance(page, Response) else (page, _REFUSED)


def _remember(shopper: Shopper, label: str, to: Destination) -> None:
    """Keeps a place in the address book. A book that is full is no reason not to order."""
    parts = services()
    try:
        with parts.engine.begin() as connection:
            add_address(
                connection, shopper.user_id, label=label, x=to.x, y=to.y, make_default=False, now=parts.clock.now()
            )
    except BookFull as refusal:
        flash(str(refusal), "info")


def _page(
    shopper: Shopper,
    form: CheckoutForm,
    book: Sequence[AddressShown],
    *,
    message: str = "",
    wrong: Mapping[int, str] = _NOTHING_WRONG,
    verdict: Verdict | None = None,
) -> str | Response:
    with services().reader.connect() as connection:
        places = warehouse_places(connection)
        holds = holds_of(connection, shopper.user_id)
        in_cart = [line for line in lines_of(connection, shopper.cart_id) if not line.is_saved]
        stock = stock_of(connection, [line.offer_id for line in in_cart]) or {}
    asked_for = _asked_for(in_cart)
    if not asked_for:
        return _nothing_to_order(in_cart, message)
    lines = holds.free(asked_for)
    if not lines:
        return redirect(url_for("checkout.attempt", request_id=holds.newest), 303)
    sold = [line for line in lines if line.for_sale]
    if not sold or (len(sold) < len(lines) and not message):
        return _to_cart(message or "Something that you had ticked is no longer sold. See what is left.")
    # Whoever has just been told goes on with the rest, and with what they wrote.
    lines = sold
    too_few_of = {line.offer_id: words for line in lines if (words := too_few(line, stock.get(line.offer_id)))}
    office = services().tickets
    shown = tuple(TicketLine(line.offer_id, line.quantity, line.unit_price_cents) for line in lines)
    form.ticket.data = office.write(office.new(shopper.user_id, shown))
    written = form.is_elsewhere and form.x.data is not None and form.y.data is not None
    return render_template(
        "checkout/checkout.html",
        book=book,
        elsewhere=ELSEWHERE,
        verdict=verdict,
        map=draw_grid(
            places,
            [(one.label, one.x, one.y) for one in book],
            (form.x.number, form.y.number) if written else None,
        ),
        form=form,
        asked={name: request.args[name] for name in ("only", "units", "since") if name in request.args},
        lines=lines,
        to_come={line.offer_id: still_to_come(line, stock.get(line.offer_id)) for line in lines},
        unanswered=list(holds.attempts),
        total_cents=sum(line.total_cents for line in lines),
        message=message or (_TOO_FEW if too_few_of else ""),
        wrong={**too_few_of, **wrong},
    )


def _bought_already(shopper: Shopper) -> Response | None:
    """Leads whoever comes back to what one press of "buy now" was for to what they ordered there."""
    only, since = request.args.get("only", type=int), request.args.get("since", type=float)
    if only is None or since is None:
        return None
    with services().reader.connect() as connection:
        request_id = attempts.bought_since(connection, shopper.user_id, only, since)
    if request_id is None:
        return None
    flash("You have ordered this already. Nothing more was ordered.", "info")
    return redirect(url_for("checkout.attempt", request_id=request_id), 303)


def _nothing_to_order(in_cart: Sequence[CartLine], message: str) -> Response:
    """Leads to where it is seen why."""
    if message:
        return _to_cart(message)
    if not in_cart:
        return _to_cart(_NOTHING_IN_CART, "info")
    if request.args.get("only", type=int) is not None:
        return _to_cart("What you wanted to buy is not in your cart any more. Nothing was ordered.")
    return _to_cart("Nothing is ticked. Tick what you want to order.")


def _to_cart(words: str, tone: str = "warning") -> Response:
    """Leads to the cart, where it is seen why. What was typed is there again on the next checkout page."""
    flash(words, tone)
    if request.method == "POST":
        session[_TYPED] = {name: request.form[name][:MAX_TYPED] for name in _TYPED_FIELDS if name in request.form}
    return redirect(url_for("cart.show"), 303)


def _asked_for(lines: list[CartLine]) -> list[CartLine]:
    """What is ticked in the cart; or only one offer ("buy now"), and at most so many units of it."""
    only, units = (request.args.get(name, type=int) for name in ("only", "units"))
    if only is None:
        return [line for line in lines if line.is_chosen]
    asked = (line for line in lines if line.offer_id == only)
    return [replace(line, quantity=max(1, min(line.quantity, units or line.quantity))) for line in asked]
