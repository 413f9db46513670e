"""Alembic's entry: runs revisions in the transaction that it was given.

Rules: the connection comes from `db.migrate`, which also takes the turn and
ends the transaction; both owners' tables share one history.
"""

from alembic import context

from db.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=list(METADATA),
    # SQLite alters a table by making it anew.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
