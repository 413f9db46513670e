"""The database: engine, clock, migrations, seed, and the tables by owner (db.shop, db.orders)."""
