"""Alembic's way in: the connection comes from `Database`."""

from alembic import context

from heedful.ledger.database import Tables

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Tables.metadata
)
with context.begin_transaction():
    context.run_migrations()
