"""Use cases: one transaction each, over the rules in `orders_svc.domain`.

Rules: functions that take a connection run inside the caller's transaction and
never commit; a transaction contains no network call; locks are taken in the
order world, link, order, shipment, stock (each by id).
"""
