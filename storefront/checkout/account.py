"""Whether UPS knows the account that somebody wrote, in words. A kindness: an order does not depend on it."""

from dataclasses import dataclass

from shop.orders.v1 import orders_pb2
from storefront.orders_client import CallFailed, OrdersClient


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a UPS account; `tone` is the kind of news."""

    words: str
    tone: str


NOT_VERIFIED = Verdict("Not verified: UPS does not say. You can order all the same.", "waiting")
_VERDICTS = {
    orders_pb2.ACCOUNT_VERDICT_VERIFIED: Verdict("UPS knows this account.", "done"),
    orders_pb2.ACCOUNT_VERDICT_UNKNOWN: Verdict(
        "UPS says that there is no such account. Mind the spelling; you can order all the same.", "trouble"
    ),
}


def verdict_on(orders: OrdersClient, user_id: int, ups_account: str) -> Verdict | None:
    """The verdict on an account, which may take some seconds; None without one."""
    if not ups_account:
        return None
    try:
        answer = orders.check_account(user_id, ups_account)
    except CallFailed:
        return NOT_VERIFIED
    return _VERDICTS.get(answer.verdict, NOT_VERIFIED)
