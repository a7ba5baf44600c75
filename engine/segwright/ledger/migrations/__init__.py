"""Migrations of the ledger, run by Alembic (`migrate`)."""
