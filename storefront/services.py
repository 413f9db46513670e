"""What a request handler may reach: the database, the clock, the orders service, and this worker's own parts.

Put together by `storefront.bootstrap`, found by handlers with `services()`.
"""

from dataclasses import dataclass

from flask import current_app
from sqlalchemy import Engine

from db.clock import Clock
from storefront.accounts.passwords import Passwords
from storefront.audit.damper import Damper
from storefront.checkout.tickets import TicketOffice
from storefront.config import Settings
from storefront.operator.client import OperationsClient
from storefront.orders.fanout import Fanout
from storefront.orders_client import OrdersClient
from storefront.seller.stamps import StampOffice

EXTENSION = "minimart"


@dataclass(frozen=True, slots=True)
class Services:
    """One worker's parts. `reader` is `engine` for transactions that only read."""

    settings: Settings
    engine: Engine
    reader: Engine
    clock: Clock
    orders: OrdersClient
    operations: OperationsClient
    passwords: Passwords
    tickets: TicketOffice
    stamps: StampOffice
    fanout: Fanout
    damper: Damper


def services() -> Services:
    """The parts of the application that handles the current request."""
    found: Services = current_app.extensions[EXTENSION]
    return found
