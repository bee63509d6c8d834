"""Values as JSON can hold them, and as PostgreSQL takes them."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any


def as_json(value: object) -> Any:  # noqa: ANN401  (whatever JSON holds)
    """Return the value in JSON's own types; NaN and infinities become null.

    A dataclass becomes an object of its fields, an instant or a day its ISO 8601 text.

    >>> as_json((1, math.inf, date.fromisoformat("2026-01-01")))
    [1, None, '2026-01-01']
    """
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return finite_or_none(value)
    return value


def finite_or_none(value: float) -> float | None:
    """JSON and SQL have no NaN: a number that is not finite is no number there."""
    return value if math.isfinite(value) else None
