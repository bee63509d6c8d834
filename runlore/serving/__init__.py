"""Predict, record, keep the ledger, and say which version answers."""
