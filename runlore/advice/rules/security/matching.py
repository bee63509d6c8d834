"""Which events match a condition: each test looks at the distinct values of its field only."""

import ipaddress
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.advice.rules.security.conditions import (
    AllOf,
    AnyOf,
    Condition,
    FieldTest,
    Negated,
)
from runlore.advice.rules.security.events import Mask, SecurityEvents

COMPARED: Mapping[str, Callable[..., pa.Array]] = {
    "gt": pc.greater,
    "gte": pc.greater_equal,
    "lt": pc.less,
    "lte": pc.less_equal,
}
NUMBER = r"^[+-]?[0-9]{1,300}([.][0-9]{1,300})?([eE][+-]?[0-9]{1,3})?$"


def matching(condition: Condition, events: SecurityEvents) -> Mask:
    """(N,) whether each event matches. A field that an event lacks matches nothing but null."""
    if isinstance(condition, FieldTest):
        return _tested(condition, events)
    if isinstance(condition, Negated):
        return ~matching(condition.part, events)
    masks = [matching(part, events) for part in condition.parts]
    if isinstance(condition, AllOf):
        return np.asarray(np.logical_and.reduce(masks), np.bool_)
    assert isinstance(condition, AnyOf)  # noqa: S101  (for the types)
    return np.asarray(np.logical_or.reduce(masks), np.bool_)


def numbers_of(values: pa.Array) -> pa.Array:
    """(N,) float64; null where the text is no number."""
    is_number = pc.match_substring_regex(values, NUMBER)
    return pc.cast(pc.if_else(is_number, values, None), pa.float64())


def _tested(test: FieldTest, events: SecurityEvents) -> Mask:
    values = events.column(test.field)
    if test.operator == "null":
        return _mask(values.is_null())
    if test.operator == "exists":
        return _mask(values.is_valid())
    if test.operator == "same":
        return _mask(pc.equal(values, events.column(str(test.value))))
    encoded = pc.dictionary_encode(values)
    return _mask(_of_distinct(test, encoded.dictionary).take(encoded.indices))


def _of_distinct(test: FieldTest, distinct: pa.Array) -> pa.Array:
    if test.operator == "cidr":
        network = ipaddress.ip_network(str(test.value))
        return pa.array([_is_in(text, network) for text in distinct.to_pylist()], pa.bool_())
    if test.operator == "regex":
        return pc.match_substring_regex(distinct, test.value, ignore_case=not test.is_cased)
    if test.operator == "equals":
        value = str(test.value)
        if test.is_cased:
            return pc.equal(distinct, value)
        return pc.equal(pc.utf8_lower(distinct), value.lower())
    return COMPARED[test.operator](numbers_of(distinct), float(test.value))


def _is_in(text: str, network: "ipaddress.IPv4Network | ipaddress.IPv6Network") -> bool:
    try:
        return ipaddress.ip_address(text) in network
    except ValueError:
        return False


def _mask(values: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), np.bool_)
