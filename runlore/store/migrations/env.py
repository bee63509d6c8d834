"""Alembic runs this; the connection, in a transaction, is the caller's."""

from alembic import context

from runlore.store import schema_rollouts  # noqa: F401  (its tables join the metadata)
from runlore.store.migrate import VERSION_TABLE
from runlore.store.schema import SCHEMA, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    version_table_schema=SCHEMA,
    include_schemas=True,
)
context.run_migrations()
