"""Lengths of time that several subjects count in, and how far clocks may be apart."""

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
DAY_US = 86_400_000_000  # whole, as instants are
CLOCK_TOLERANCE_S = 60.0  # between machines of one operation
SOURCE_CLOCK_TOLERANCE_US = 300_000_000  # of systems whose logs are ingested
CLOCK_SKEW_S = 10.0  # a start so little before its submission is one of another clock
