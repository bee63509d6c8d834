"""Replay of a job log under first come first served and EASY backfilling."""
