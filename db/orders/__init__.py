"""What orders_svc owns: orders, shipments, stock, outbox, inbox, links and worlds.

Written by orders_svc only. storefront may read `db.orders.stock`.
"""
