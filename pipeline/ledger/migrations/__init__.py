"""Migrations of the ledger, run by `pipeline.ledger.migrate.upgrade`."""
