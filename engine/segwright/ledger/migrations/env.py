"""What Alembic runs: the migrations, on the connection that `migrate` gives."""

from alembic import context

from segwright.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
