"""Designs, analyses, evidence and decisions as JSON that PostgreSQL takes."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any


def as_json(value: object) -> Any:  # noqa: ANN401  as JSON is
    """Of a dataclass with all it holds; numbers that are none become null.

    >>> as_json((1, math.inf, datetime.fromisoformat("2026-01-01T00:00:00+00:00")))
    [1, None, '2026-01-01T00:00:00+00:00']
    """
    if is_dataclass(value):
        return {each.name: as_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(held) for key, held in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(held) for held in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
