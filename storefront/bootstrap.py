"""Puts one worker's storefront together; whatever a test wants to swap comes in as an argument.

Nothing connects and no thread runs before `Storefront.start`. Built after the fork, in the worker that uses it.
"""

import random
from dataclasses import dataclass
from functools import partial

import grpc
from flask import Flask
from sqlalchemy import Engine
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from db.clock import Clock
from db.engine import read_only
from mesh.metrics import MetricsPage, new_registry
from storefront import errors, presentation, security
from storefront.accounts import resets, sessions
from storefront.accounts.closing import bp as closing
from storefront.accounts.credentials import bp as credentials
from storefront.accounts.passwords import Passwords
from storefront.accounts.routes import bp as accounts
from storefront.addresses.routes import bp as addresses
from storefront.audit import queries as audit
from storefront.audit.damper import Damper
from storefront.cart.queries import tidy_guests
from storefront.cart.routes import bp as cart
from storefront.catalogue.routes import bp as catalogue
from storefront.checkout.routes import bp as checkout
from storefront.checkout.sweep import Sweep
from storefront.checkout.tickets import TicketOffice
from storefront.config import Settings
from storefront.health import bp as health
from storefront.mail.sender import Sender
from storefront.mail.transport import Transport, transport_for
from storefront.metrics import count_requests
from storefront.offline import bp as offline
from storefront.operator.client import OperationsClient
from storefront.operator.routes import bp as operator
from storefront.orders.amending import bp as amending
from storefront.orders.fanout import Fanout
from storefront.orders.feed import Feed
from storefront.orders.history import bp as history
from storefront.orders.routes import bp as orders
from storefront.orders.teller import Teller
from storefront.orders_client import Deadlines, OrdersClient
from storefront.photos.routes import bp as photos
from storefront.reserve import Turnstile
from storefront.reviews.routes import bp as reviews
from storefront.seller import imports
from storefront.seller.adding import bp as adding
from storefront.seller.exchange import bp as exchange
from storefront.seller.items import bp as items
from storefront.seller.routes import bp as seller
from storefront.seller.sales import bp as sales
from storefront.seller.stamps import StampOffice
from storefront.services import EXTENSION, Services


class _Id32(IntegerConverter):
    """A positive id that fits a database integer; anything else is no such page."""

    def __init__(self, map: object) -> None:
        super().__init__(map, min=1, max=2**31 - 1)  # type: ignore[arg-type]


class _Id64(IntegerConverter):
    """A positive id that fits an int64."""

    def __init__(self, map: object) -> None:
        super().__init__(map, min=1, max=2**63 - 1)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Storefront:
    """One worker: the web application and the threads beside it."""

    app: Flask
    feed: Feed
    sweep: Sweep
    fanout: Fanout
    sender: Sender
    teller: Teller
    metrics: MetricsPage

    def start(self) -> None:
        """Starts the threads."""
        self.feed.start()
        self.sweep.start()
        self.sender.start()
        self.teller.start()
        self.metrics.start()

    def begin_stop(self) -> None:
        """Ends open event streams and the threads; returns at once, so a signal handler may call it."""
        self.fanout.stop()
        self.sweep.stop()
        self.sender.stop()
        self.teller.stop()
        self.feed.stop()

    def stop(self, timeout: float = 5.0) -> None:
        """`begin_stop`, then waits for the threads."""
        self.begin_stop()
        self.feed.join(timeout)
        self.sweep.join(timeout)
        self.sender.join(timeout)
        self.teller.join(timeout)
        self.metrics.stop()


def build(
    settings: Settings,
    *,
    engine: Engine,
    clock: Clock,
    channel: grpc.Channel,
    secret_key: str,
    passwords: Passwords | None = None,
    rng: random.Random | None = None,
    transport: Transport | None = None,
) -> Storefront:
    """A storefront over a migrated database and a channel to orders_svc; the caller owns both."""
    deadlines = Deadlines(order=settings.storefront_order_deadline, read=settings.storefront_read_deadline)
    client = OrdersClient(channel, deadlines)
    fanout = Fanout(
        limit=settings.storefront_event_streams, limit_per_user=settings.storefront_event_streams_per_shopper
    )
    app = Flask("storefront")
    app.wsgi_app = Turnstile(app.wsgi_app, settings.storefront_threads)  # type: ignore[method-assign]
    if proxies := settings.storefront_trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=1)  # type: ignore[method-assign]
    app.extensions[EXTENSION] = Services(
        settings=settings,
        engine=engine,
        reader=read_only(engine),
        clock=clock,
        orders=client,
        operations=OperationsClient(channel, deadlines),
        passwords=passwords or Passwords(),
        tickets=TicketOffice(secret_key),
        stamps=StampOffice(secret_key),
        fanout=fanout,
        damper=Damper(),
    )
    security.protect(app, secret_key)
    presentation.add_to(app)
    errors.add_to(app)
    app.url_map.converters.update(id32=_Id32, id64=_Id64)
    for room in (
        accounts,
        credentials,
        closing,
        addresses,
        catalogue,
        cart,
        checkout,
        history,
        orders,
        amending,
        reviews,
        offline,
        health,
        seller,
        adding,
        items,
        sales,
        exchange,
        photos,
        operator,
    ):
        app.register_blueprint(room)
    registry = new_registry()
    count_requests(app, fanout, registry)
    sweep = Sweep(engine, read_only(engine), client, clock, order_deadline=settings.storefront_order_deadline)
    letters = transport or transport_for(settings.mail_url, settings.mail_folder, settings.mail_from)
    tidy_audit = partial(audit.tidy, kept_seconds=settings.storefront_audit_days * 24 * 3600)
    sender = Sender(engine, clock, letters, (sessions.tidy, resets.tidy, tidy_guests, tidy_audit, imports.tidy))
    teller = Teller(engine, client, clock, settings.shop_url)
    feed = Feed(client, fanout, rng or random.SystemRandom())
    return Storefront(app, feed, sweep, fanout, sender, teller, MetricsPage(registry, settings.metrics_port))
