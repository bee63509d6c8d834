"""Values as JSON can hold them."""

from collections.abc import Mapping
from math import isfinite


def plain(value: object) -> object:
    """Return the value with NaN and infinities as None, in JSON's own types."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value
