"""Security events as columns, under the names of the Elastic Common Schema (ECS)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

# ECS name -> the column of an execution. Any other is a key of inputs or outcome: `a.b` is a_b.
COLUMN_FIELDS: Mapping[str, str] = {
    "user.name": "actor",
    "host.name": "scope",
    "event.action": "kind",
    "event.outcome": "status",
    "event.module": "source",
    "event.id": "source_id",
}
# What Runlore adds to an event out of its kind, or of the habits of its user.
CATEGORY = "event.category"
NETWORK = "runlore.source_network"
HABIT_FIELDS = (
    "runlore.new_host",
    "runlore.new_source",
    "runlore.unusual_hour",
    "runlore.surprising",
    "runlore.volume_ratio",
)
OUTCOMES: Mapping[str, str] = {"succeeded": "success", "failed": "failure"}
CATEGORIES: Mapping[str, str] = {
    "login": "authentication",
    "unknown-user": "authentication",
    "login-limit": "authentication",
    "logout": "session",
    "session": "session",
    "connection": "network",
    "transfer": "network",
    "command": "process",
    "switch-user": "process",
    "user-created": "iam",
    "user-deleted": "iam",
    "user-changed": "iam",
    "group-created": "iam",
    "group-changed": "iam",
    "password-changed": "iam",
    "key-added": "iam",
    "audit-disabled": "configuration",
    "change": "configuration",
    "delete": "configuration",
    "read": "database",
}


@dataclass(frozen=True, eq=False)
class SecurityEvents:
    """N events in order of time. at: (N,) µs since 1970; columns: ECS name -> (N,) text.

    is_new: (N,), events of which alerts are wanted; the others are their context.
    """

    at: Ints
    columns: Mapping[str, pa.Array]
    is_new: Mask
    names: Mapping[str, pa.Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.at.size)

    def column(self, name: str) -> pa.Array:
        """(N,) text; null where an event has no such field or an empty one."""
        if name in self.columns:
            return self.columns[name]
        return pa.nulls(len(self), pa.string())

    def with_columns(self, columns: Mapping[str, pa.Array]) -> "SecurityEvents":
        return SecurityEvents(self.at, {**self.columns, **columns}, self.is_new)


def make_events(
    at: Ints, columns: Mapping[str, pa.Array], is_new: Mask | None = None
) -> SecurityEvents:
    """Events out of the columns of executions, sorted by time; equal times keep their order."""
    order = np.argsort(at, kind="stable")
    taken = {name: _text(values).take(pa.array(order)) for name, values in columns.items()}
    status = taken.get("event.outcome")
    if status is not None:
        taken["event.outcome"] = _mapped(status, OUTCOMES, "unknown")
    if "event.action" in taken and CATEGORY not in taken:
        taken[CATEGORY] = _mapped(taken["event.action"], CATEGORIES, "")
    if "source.ip" in taken and NETWORK not in taken:
        taken[NETWORK] = networks(taken["source.ip"])
    marks = np.ones(at.size, np.bool_) if is_new is None else is_new
    return SecurityEvents(at[order], taken, marks[order])


def networks(address: pa.Array) -> pa.Array:
    """The /24 of an IPv4 address, the first three groups of an IPv6 address, else the name itself.

    >>> networks(pa.array(["192.0.2.7", "2001:db8:1:2::5", "gate.example"])).to_pylist()
    ['192.0.2', '2001:db8:1', 'gate.example']
    """
    short = pc.replace_substring_regex(address, r"^([0-9]+\.[0-9]+\.[0-9]+)\.[0-9]+$", r"\1")
    return pc.replace_substring_regex(
        short, r"^([0-9a-fA-F]+:[0-9a-fA-F]*:[0-9a-fA-F]*):[0-9a-fA-F:.]*$", r"\1"
    )


def input_key(name: str) -> str:
    """The key of inputs or outcome that holds an ECS field.

    >>> input_key("source.ip")
    'source_ip'
    """
    return name.replace(".", "_").lower()


def codes(columns: Sequence[pa.Array], count: int) -> tuple[Ints, Mask]:
    """(N,) numbers of equal groups of values, and (N,) whether all values are there."""
    numbers = np.zeros(count, np.int64)
    is_there = np.ones(count, np.bool_)
    for values in columns:
        encoded = pc.dictionary_encode(values)
        one = np.asarray(pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False), np.int64)
        is_there &= np.asarray(values.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        _, numbers = np.unique(numbers * max(len(encoded.dictionary), 1) + one, return_inverse=True)
    return numbers.astype(np.int64), is_there


def _text(values: pa.Array) -> pa.Array:
    text = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    text = pc.cast(text, pa.string())
    return pc.if_else(pc.equal(pc.binary_length(text), 0), pa.scalar(None, pa.string()), text)


def _mapped(values: pa.Array, words: Mapping[str, str], other: str) -> pa.Array:
    """Words for words; `other` for the rest, null where it is empty."""
    at = pc.index_in(values, value_set=pa.array(list(words)))
    known = pa.array(list(words.values()), pa.string()).take(at)
    return pc.fill_null(known, other) if other else known
