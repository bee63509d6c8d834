"""When a pool that fills up, or whose budget is used up, is an alert."""

from runlore.planning.rules.capacity.full_date import FullDate
from runlore.planning.rules.capacity.spend import SpendOutlook

LEAD_DAYS = 42
CHANCE = 0.45  # of a full week within the lead; both as chosen in bench/capacity.py


def is_due(found: FullDate | SpendOutlook, lead_days: int = LEAD_DAYS) -> bool:
    """Whether it is full (or exceeded), or rather than not within the lead time."""
    return found.chance_within(lead_days) >= CHANCE
