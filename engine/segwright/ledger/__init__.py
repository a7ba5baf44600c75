"""The ledger: what came, what is owed to whom, what was sent, and what became of it; on SQLite and PostgreSQL."""
