"""The ledger: the newest answers and refusals, and one of them with its reasons."""
