"""Inputs and outcomes as they come back from the log."""

from collections.abc import Mapping
from decimal import Decimal

from runlore.records.execution import Scalar

EXACT = 2.0**53  # from here on every float is a whole number


def known_values(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """As they come back from the log."""
    return {name: _kept(value) for name, value in values.items() if value is not None}


def _kept(value: Scalar) -> Scalar:
    """jsonb keeps the decimal digits of a number: a large float comes back as a whole number."""
    if isinstance(value, float) and abs(value) >= EXACT:
        return int(Decimal(repr(value)))
    return value
