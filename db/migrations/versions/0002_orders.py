"""The orders service's tables: orders, shipments, stock, outbox, inbox, links, worlds."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "inbox",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("link", sa.String(length=8), nullable=False),
        sa.Column("world_epoch", sa.BigInteger(), nullable=False),
        sa.Column("seqnum", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("shipment_id", ROW_ID, nullable=True),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("ignored_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"], unique=False)
    op.create_index("ix_inbox_shipment_id", "inbox", ["shipment_id"], unique=False)
    op.create_index(
        "uq_inbox_link_world_epoch_seqnum_digest", "inbox", ["link", "world_epoch", "seqnum", "digest"], unique=True
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "links",
        sa.Column("name", sa.String(length=8), nullable=False),
        sa.Column("link_epoch", sa.BigInteger(), nullable=False),
        sa.Column("instance", sa.String(length=120), nullable=False),
        sa.Column("boot_nonce", sa.String(length=64), nullable=False),
        sa.Column("callback_address", sa.String(length=120), nullable=False),
        sa.Column("lease_until_at", sa.Double(), nullable=False),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("connected_since_at", sa.Double(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("announced_world_id", sa.BigInteger(), nullable=True),
        sa.Column("announced_at", sa.Double(), nullable=True),
        sa.Column("announcement_no", sa.BigInteger(), nullable=False),
        sa.Column("candidate", sa.Boolean(), nullable=False),
        sa.Column("features", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_links")),
    )
    op.create_table(
        "orders",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column("ups_account", sa.String(length=64), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_orders_user_id_id", "orders", ["user_id", "id"], unique=False)
    op.create_index("uq_orders_user_id_request_id", "orders", ["user_id", "request_id"], unique=True)
    op.create_table(
        "outbox",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("link", sa.String(length=8), nullable=False),
        sa.Column("world_epoch", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("shipment_id", ROW_ID, nullable=True),
        sa.Column("command", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("handed_at", sa.Double(), nullable=True),
        sa.Column("sent_epoch", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_closed_at", "outbox", ["closed_at"], unique=False)
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["link", "sent_epoch", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at is null"),
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_index("ix_outbox_shipment_id", "outbox", ["shipment_id"], unique=False)
    op.create_table(
        "warehouses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warehouses")),
    )
    op.create_table(
        "worlds",
        sa.Column("world_epoch", ROW_ID, nullable=False),
        sa.Column("world_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("marker_ship_id", ROW_ID, nullable=True),
        sa.Column("marker_confirmed", sa.Boolean(), nullable=False),
        sa.Column("marker_query_id", ROW_ID, nullable=True),
        sa.Column("marker_missing", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=True),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("world_epoch", name=op.f("pk_worlds")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_worlds_current",
        "worlds",
        [sa.text("(1)")],
        unique=True,
        sqlite_where=sa.text("state in ('awaited', 'open')"),
        postgresql_where=sa.text("state in ('awaited', 'open')"),
    )
    op.create_table(
        "order_lines",
        sa.Column("order_id", ROW_ID, nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_name", sa.String(length=80), nullable=False),
        sa.Column("unit_price_cents", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "line_no", name=op.f("pk_order_lines")),
    )
    op.create_index(op.f("ix_order_lines_offer_id"), "order_lines", ["offer_id"], unique=False)
    op.create_table(
        "restocks",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("offer_id", sa.BigInteger(), nullable=False),
        sa.Column("warehouse_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["warehouse_id"], ["warehouses.id"], name=op.f("fk_restocks_warehouse_id_warehouses")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restocks")),
    )
    op.create_index("uq_restocks_user_id_request_id", "restocks", ["user_id", "request_id"], unique=True)
    op.create_table(
        "shipments",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("order_id", ROW_ID, nullable=False),
        sa.Column("parcel_no", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("world_epoch", sa.BigInteger(), nullable=False),
        sa.Column("warehouse_id", sa.Integer(), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column("goods", sa.String(length=16), nullable=False),
        sa.Column("truck", sa.String(length=16), nullable=False),
        sa.Column("truck_id", sa.Integer(), nullable=True),
        sa.Column("state_since_at", sa.Double(), nullable=False),
        sa.Column("check_at", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("asked", sa.String(length=8), nullable=False),
        sa.Column("asked_x", sa.Integer(), nullable=True),
        sa.Column("asked_y", sa.Integer(), nullable=True),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("ask_at", sa.Double(), nullable=True),
        sa.Column("left_at", sa.Double(), nullable=True),
        sa.Column("attention_reason", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("superseded_by", ROW_ID, nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_shipments_order_id_orders")),
        sa.ForeignKeyConstraint(["warehouse_id"], ["warehouses.id"], name=op.f("fk_shipments_warehouse_id_warehouses")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipments")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_shipments_ask_at",
        "shipments",
        ["ask_at"],
        unique=False,
        sqlite_where=sa.text("ask_at is not null"),
        postgresql_where=sa.text("ask_at is not null"),
    )
    op.create_index(
        "ix_shipments_check_at",
        "shipments",
        ["check_at"],
        unique=False,
        sqlite_where=sa.text("check_at is not null"),
        postgresql_where=sa.text("check_at is not null"),
    )
    op.create_index(
        "ix_shipments_delivered",
        "shipments",
        ["world_epoch", "ended_at"],
        unique=False,
        sqlite_where=sa.text("truck = 'delivered'"),
        postgresql_where=sa.text("truck = 'delivered'"),
    )
    op.create_index(
        "ix_shipments_open",
        "shipments",
        ["world_epoch", "id"],
        unique=False,
        sqlite_where=sa.text("ended_at is null"),
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index("ix_shipments_order_id", "shipments", ["order_id"], unique=False)
    op.create_table(
        "stock",
        sa.Column("world_epoch", sa.BigInteger(), nullable=False),
        sa.Column("offer_id", sa.BigInteger(), nullable=False),
        sa.Column("warehouse_id", sa.Integer(), nullable=False),
        sa.Column("arrived", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("packed", sa.BigInteger(), nullable=False),
        sa.Column("scrapped", sa.BigInteger(), nullable=False),
        sa.Column("ordered", sa.BigInteger(), nullable=False),
        sa.Column("awaited", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("arrived = available + reserved + packed + scrapped", name=op.f("ck_stock_conserved")),
        sa.CheckConstraint(
            "available >= 0 and reserved >= 0 and packed >= 0 and scrapped >= 0 and ordered >= 0 and awaited >= 0",
            name=op.f("ck_stock_not_negative"),
        ),
        sa.ForeignKeyConstraint(["warehouse_id"], ["warehouses.id"], name=op.f("fk_stock_warehouse_id_warehouses")),
        sa.PrimaryKeyConstraint("world_epoch", "offer_id", "warehouse_id", name=op.f("pk_stock")),
    )
    op.create_index(
        "ix_stock_awaited",
        "stock",
        ["world_epoch", "offer_id", "warehouse_id"],
        unique=False,
        sqlite_where=sa.text("awaited > 0"),
        postgresql_where=sa.text("awaited > 0"),
    )
    op.create_table(
        "world_warehouses",
        sa.Column("world_epoch", ROW_ID, nullable=False),
        sa.Column("warehouse_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("probe_id", ROW_ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["warehouse_id"], ["warehouses.id"], name=op.f("fk_world_warehouses_warehouse_id_warehouses")
        ),
        sa.ForeignKeyConstraint(
            ["world_epoch"], ["worlds.world_epoch"], name=op.f("fk_world_warehouses_world_epoch_worlds")
        ),
        sa.PrimaryKeyConstraint("world_epoch", "warehouse_id", name=op.f("pk_world_warehouses")),
    )
    op.create_table(
        "shipment_items",
        sa.Column("shipment_id", ROW_ID, nullable=False),
        sa.Column("offer_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("fk_shipment_items_shipment_id_shipments")
        ),
        sa.PrimaryKeyConstraint("shipment_id", "offer_id", name=op.f("pk_shipment_items")),
    )
    op.create_index(
        "ix_shipment_items_waiting",
        "shipment_items",
        ["offer_id", "shipment_id"],
        unique=False,
        sqlite_where=sa.text("reserved = 0"),
        postgresql_where=sa.text("reserved = 0"),
    )
    op.create_table(
        "shipment_steps",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("shipment_id", ROW_ID, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("goods", sa.String(length=16), nullable=False),
        sa.Column("truck", sa.String(length=16), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("cause", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("fk_shipment_steps_shipment_id_shipments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipment_steps")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_shipment_steps_shipment_id", "shipment_steps", ["shipment_id"], unique=False)
    op.create_table(
        "order_requests",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("order_id", ROW_ID, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("x", sa.Integer(), nullable=True),
        sa.Column("y", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_requests_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_requests")),
    )
    op.create_index("ix_order_requests_order_id", "order_requests", ["order_id"], unique=False)
    op.create_index("uq_order_requests_user_id_request_id", "order_requests", ["user_id", "request_id"], unique=True)
    op.create_table(
        "order_request_decisions",
        sa.Column("order_request_id", ROW_ID, nullable=False),
        sa.Column("shipment_id", ROW_ID, nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=False),
        sa.Column("left_at", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_request_id"],
            ["order_requests.id"],
            name=op.f("fk_order_request_decisions_order_request_id_order_requests"),
        ),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("fk_order_request_decisions_shipment_id_shipments")
        ),
        sa.PrimaryKeyConstraint("order_request_id", "shipment_id", name=op.f("pk_order_request_decisions")),
    )
