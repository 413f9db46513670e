"""What a new shop begins with: warehouses, initial stock, categories, products, offers and two accounts.

Rules: data only, but for `db.seed.shop`, which writes the shop's part; the
orders service writes warehouses and stock into its own tables. Ids are part of
the data and are never given to something else.
"""
