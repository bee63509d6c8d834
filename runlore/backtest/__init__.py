"""Backtests: the log replayed under retraining policies."""
