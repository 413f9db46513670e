"""What storefront owns: accounts, catalogue, carts, checkout attempts.

Written by storefront only. orders_svc may read `db.shop.catalogue`.
"""
