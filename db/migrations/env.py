"""Alembic's entry: runs revisions in the transaction that it was given.

Rules: the connection comes from `db.migrate`, which also takes the turn and
ends the transaction; both owners' tables share one history.
"""

from alembic import context

from db.orders import links, messages, orders, requests, shipments, stock
from db.orders.base import OrdersBase
from db.shop import accounts, carts, catalogue, checkouts
from db.shop.base import ShopBase

# Imported so that their tables are in the metadata.
OWNERS = (accounts, carts, catalogue, checkouts, links, messages, orders, requests, shipments, stock)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[ShopBase.metadata, OrdersBase.metadata],
    # SQLite alters a table by making it anew.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
