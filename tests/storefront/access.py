"""Who is answered what: one row for each route, one column for each kind of visitor.

A route without a row fails `test_access`; so does a row without a route. The owner is the one to whom everything in the
addresses belongs: the orders, the address, the item. The others are told of it as of what never was.
"""

from dataclasses import dataclass, field
from enum import Enum

PASSWORD = "a good password"


class Answer(Enum):
    """What a visitor gets. Nothing is changed but by forms that are answered with PAGE or DONE."""

    # The page, 200.
    PAGE = "page"
    # 303 to another page, after something was done.
    DONE = "done"
    # 303 to another page; nothing was done.
    SENT_ON = "sent on"
    # 303 to the log-in.
    LOG_IN = "log in"
    # 403: not for this kind of visitor.
    REFUSED = "refused"
    # 422: the page again, with what was sent; nothing was done.
    AGAIN = "again"
    # 404: the very page that an address gets which never was.
    NOTHING_HERE = "nothing here"


PAGE, DONE, SENT_ON, LOG_IN, REFUSED, AGAIN, NOTHING_HERE = Answer


class Who(Enum):
    """The visitors, in the order of the columns."""

    GUEST = "guest"
    OWNER = "owner"
    # A shopper who sells nothing, and owns nothing that is asked for.
    OTHER = "other"
    # The same, with a shop of their own.
    SELLER = "seller"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Row:
    """What each visitor is answered; `form`: what is sent, so that whoever may do it does it."""

    guest: Answer
    owner: Answer
    other: Answer
    seller: Answer
    staff: Answer
    form: dict[str, str] = field(default_factory=dict)
    # What is sent proves that it is the owner who asks: the password, or a link from a letter.
    proves: bool = False

    def answer_to(self, who: Who) -> Answer:
        """The column of `who`."""
        answer: Answer = getattr(self, who.value)
        return answer


def everybody(answer: Answer, **form: str) -> Row:
    """For guests too."""
    return Row(answer, answer, answer, answer, answer, form)


def members(answer: Answer, **form: str) -> Row:
    """For whoever is logged in, about what is their own."""
    return Row(LOG_IN, answer, answer, answer, answer, form)


def the_owner(answer: Answer, **form: str) -> Row:
    """About a thing of the owner's."""
    return Row(LOG_IN, answer, NOTHING_HERE, NOTHING_HERE, NOTHING_HERE, form)


def sellers(answer: Answer, **form: str) -> Row:
    """For whoever has a shop, about what is their own."""
    return Row(LOG_IN, answer, REFUSED, answer, REFUSED, form)


def its_seller(answer: Answer, **form: str) -> Row:
    """About an item of the owner's."""
    return Row(LOG_IN, answer, REFUSED, NOTHING_HERE, REFUSED, form)


def staff(answer: Answer, **form: str) -> Row:
    """Behind the counter: to all others it is not there."""
    return Row(NOTHING_HERE, NOTHING_HERE, NOTHING_HERE, NOTHING_HERE, answer, form)


PLACE = {"label": "Elsewhere", "x": "5", "y": "6", "make_default": "y"}
CHECKOUT = {"address": "elsewhere", "x": "3", "y": "4", "remember": "y", "label": "Work", "ups_account": "ann"}
ITEM = {
    "title": "Blue bowl",
    "description": "Glazed.",
    "category": "1",
    "price_cents": "12.50",
    "warehouse": "1",
    "quantity": "20",
    "allow_backorder": "y",
    "drawn": "y",
}
REQUEST_ID = "a-request-id-of-this-test"

# By endpoint; what goes into the addresses is in `tests.storefront.people`.
ACCESS: dict[str, Row] = {
    "static": everybody(PAGE),
    "health.live": everybody(PAGE),
    "health.ready": everybody(PAGE),
    "offline.show": everybody(PAGE),
    "offline.worker": everybody(PAGE),
    # The catalogue.
    "catalogue.home": everybody(PAGE),
    "catalogue.products": everybody(PAGE),
    "catalogue.suggestions": everybody(PAGE),
    "catalogue.product": everybody(PAGE),
    "catalogue.picture": everybody(PAGE),
    "photos.show": everybody(PAGE),
    "catalogue.favourites": members(PAGE),
    "catalogue.mark": members(DONE),
    "catalogue.unmark": members(DONE),
    # Reviews: by those to whom it was delivered.
    "reviews.edit": Row(LOG_IN, PAGE, SENT_ON, SENT_ON, SENT_ON),
    "reviews.write": Row(LOG_IN, DONE, SENT_ON, SENT_ON, SENT_ON, {"stars": "4", "words": "Good."}),
    "reviews.remove": members(DONE),
    # The cart.
    "cart.show": everybody(PAGE),
    "cart.add": everybody(DONE, offer_id="1", quantity="1", then=""),
    "cart.change": everybody(DONE, quantity="2"),
    "cart.remove": everybody(DONE),
    "cart.save": everybody(DONE),
    "cart.back": everybody(DONE),
    "cart.choose": everybody(DONE),
    "cart.note_prices": everybody(DONE),
    # Ordering.
    "checkout.show": Row(LOG_IN, PAGE, SENT_ON, SENT_ON, SENT_ON),
    # The ticket is the owner's, and good for nobody else.
    "checkout.place": Row(LOG_IN, DONE, SENT_ON, SENT_ON, SENT_ON, {"ticket": "<ticket>", **CHECKOUT}),
    "checkout.account": members(PAGE),
    "checkout.attempt": the_owner(SENT_ON),
    # Orders.
    "history.index": members(PAGE),
    "history.buy_again": the_owner(DONE),
    "orders.show": the_owner(PAGE),
    "orders.live": the_owner(PAGE),
    "orders.events": members(PAGE),
    "amending.cancel": the_owner(PAGE),
    "amending.do_cancel": the_owner(DONE, request_id=REQUEST_ID),
    "amending.address": the_owner(PAGE),
    "amending.do_address": the_owner(DONE, request_id=REQUEST_ID, x="5", y="6"),
    # Accounts.
    "accounts.login": Row(PAGE, SENT_ON, SENT_ON, SENT_ON, SENT_ON),
    "accounts.log_in": Row(
        DONE, DONE, DONE, DONE, DONE, {"email": "ann@example.org", "password": PASSWORD}, proves=True
    ),
    "accounts.register": Row(PAGE, SENT_ON, SENT_ON, SENT_ON, SENT_ON),
    "accounts.create": everybody(DONE, display_name="Zoe", email="zoe@example.org", password=PASSWORD),
    "accounts.log_out": everybody(DONE),
    "accounts.profile": members(PAGE),
    "accounts.change_profile": members(DONE, display_name="Another name", ups_account="ann", letters="y"),
    "credentials.security": members(PAGE),
    "credentials.change_password": members(DONE, current=PASSWORD, password="another good one"),
    "credentials.change_email": members(DONE, current=PASSWORD, email="new@example.org"),
    "credentials.end_others": members(DONE),
    "credentials.forgot": everybody(PAGE),
    "credentials.send_link": everybody(PAGE, email="nobody@example.org"),
    "credentials.choose": everybody(PAGE),
    "credentials.reset": Row(DONE, DONE, DONE, DONE, DONE, {"password": "another good one"}, proves=True),
    "closing.stop_selling": members(DONE),
    "closing.confirm": members(PAGE),
    "closing.close": members(DONE, current=PASSWORD),
    "addresses.index": members(PAGE),
    "addresses.add": members(DONE, **PLACE),
    "addresses.edit": the_owner(PAGE),
    "addresses.change": the_owner(DONE, **PLACE),
    "addresses.make_default": the_owner(DONE),
    "addresses.remove": the_owner(DONE),
    # Selling.
    "seller.index": members(PAGE),
    "seller.become": members(DONE, display_name="A shop"),
    "items.index": sellers(PAGE),
    "sales.index": sellers(PAGE),
    "adding.new": sellers(PAGE),
    # The stamp is the owner's, and good for nobody else.
    "adding.add": Row(LOG_IN, DONE, REFUSED, AGAIN, REFUSED, {"stamp": "<stamp>", **ITEM}),
    "adding.also": sellers(PAGE),
    "adding.add_offer": sellers(DONE, price_cents="12.50", warehouse="1", quantity="20"),
    "exchange.show": sellers(PAGE),
    "exchange.send": sellers(AGAIN),
    "exchange.look": its_seller(PAGE),
    "exchange.apply": its_seller(DONE),
    "exchange.items": sellers(PAGE),
    "exchange.orders": sellers(PAGE),
    "items.show": its_seller(PAGE),
    "items.edit": its_seller(PAGE),
    "items.change": its_seller(DONE, seen="<seen>", **ITEM),
    "items.withdraw": its_seller(DONE),
    "items.bring_back": its_seller(DONE),
    "items.reorder": its_seller(DONE, **{"point-level": "3", "point-quantity": "9", "point-warehouse": "1"}),
    "items.more": its_seller(DONE, request_id=REQUEST_ID, warehouse="1", quantity="5"),
    # Behind the counter.
    "operator.index": staff(PAGE),
    "operator.find": staff(AGAIN),
    "operator.order": staff(PAGE),
    "operator.confirm": staff(PAGE),
    "operator.do": staff(DONE, request_id=REQUEST_ID, note="it was found"),
}
