"""All tables of both owners, for migrations and for whoever compares them: a new module of models is named here."""

from db.orders import interventions, links, messages, news, orders, requests, shipments, stock
from db.orders.base import OrdersBase
from db.shop import accounts, audit, carts, catalogue, checkouts, imports, mails, reviews, sessions, staff
from db.shop.base import ShopBase

# Imported so that their tables are in the metadata.
MODELS = (
    accounts,
    audit,
    carts,
    catalogue,
    checkouts,
    imports,
    mails,
    reviews,
    sessions,
    staff,
    interventions,
    links,
    messages,
    news,
    orders,
    requests,
    shipments,
    stock,
)
METADATA = (ShopBase.metadata, OrdersBase.metadata)
