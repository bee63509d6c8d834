"""What counts as a failure of a scope, and the lifetimes that follow from the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import numpy as np

from runlore.advice.queries.renewals import (
    RenewalQuery,
    RenewalRecord,
    ScopeRecords,
    ScopeSeen,
    read_renewals,
)
from runlore.advice.rules.maintenance.lifetimes import (
    AgeFrom,
    Floats,
    Lifetimes,
    RenewalLog,
    build_lifetimes,
)
from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

FailureSource = Literal["auto", "kind", "failed"]
MOST_SCOPES, MOST_RECORDS = 2_000, 200_000
MOST_INPUTS, MOST_CATEGORIES = 20, 8
MOST_NAMES, LONGEST_NAME = 50, 200


@dataclass(frozen=True)
class FailureDefinition:
    """What ends and renews a scope's life.

    source: "kind": executions of the failure kinds, whatever their status; "failed": failed
    executions of other kinds, too; "auto": failed executions only where the log has none of the
    failure kinds. same_hours: a failure so soon after another is the same one. gone_days: a scope
    without a record for longer has left; None: none has. inputs: names of covariates. scope: a
    pattern with `*` and `?`. only_renewed: scopes without a failure and visit are left out.
    """

    source: FailureSource = "auto"
    failure_kinds: tuple[str, ...] = ("failure",)
    visit_kinds: tuple[str, ...] = ("maintenance",)
    inputs: tuple[str, ...] = ()
    same_hours: float = 1.0
    age_from: AgeFrom = "first"
    gone_days: float | None = None
    scope: str = "*"
    only_renewed: bool = False

    def __post_init__(self) -> None:
        if self.source not in get_args(FailureSource):
            choices = ", ".join(get_args(FailureSource))
            raise BadInput(f"failures: {self.source[:40]!r} is none of {choices}", "failures")
        if self.age_from not in get_args(AgeFrom):
            choices = ", ".join(get_args(AgeFrom))
            raise BadInput(f"age_from: {self.age_from[:40]!r} is none of {choices}", "age_from")
        for name in ("failure_kinds", "visit_kinds", "inputs"):
            _check_names(name.removesuffix("s"), getattr(self, name))
        if both := set(self.failure_kinds) & set(self.visit_kinds):
            raise BadInput(f"visit_kind: {min(both)!r} is a failure kind, too", "visit_kind")
        if not 0 <= self.same_hours <= 10_000:
            raise BadInput("same_hours: use a number of hours from 0 to 10000", "same_hours")
        if self.gone_days is not None and not 0 < self.gone_days <= 100_000:
            raise BadInput("gone_days: use a number of days above 0", "gone_days")


@dataclass(frozen=True, eq=False)
class FailureLog:
    """scopes: in the order of the lifetimes' numbers. failures, visits: (s,) counts. last_failure:
    None: none. renewals: failures and visits, the newest first. is_gone: (s,)."""

    as_of: datetime
    scopes: tuple[ScopeSeen, ...]
    lives: Lifetimes
    failures: tuple[int, ...]
    visits: tuple[int, ...]
    last_failure: tuple[datetime | None, ...]
    renewals: Sequence[RenewalRecord]
    is_gone: tuple[bool, ...]
    basis: str
    is_cut: bool


def read_failure_log(store: Store, defined: FailureDefinition, as_of: datetime) -> FailureLog:
    """Raises BadInput for an input that no record of any scope has."""
    with_failed = {"auto": None, "kind": False, "failed": True}[defined.source]
    query = RenewalQuery(
        as_of,
        defined.failure_kinds,
        defined.visit_kinds,
        with_failed,
        defined.inputs,
        MOST_SCOPES,
        MOST_RECORDS,
        defined.scope,
        defined.only_renewed,
    )
    return arrange(read_renewals(store, query), defined, as_of)


def arrange(records: ScopeRecords, defined: FailureDefinition, as_of: datetime) -> FailureLog:
    """Lifetimes from records, with a number for each scope."""
    number = {one.scope: at for at, one in enumerate(records.scopes)}
    rows = records.renewals
    is_gone = tuple(_is_gone(one, defined, as_of) for one in records.scopes)
    ends = [
        one.last_at if gone else as_of for one, gone in zip(records.scopes, is_gone, strict=True)
    ]
    scope = np.array([number[one.scope] for one in rows], dtype=np.int64)
    is_failure = np.array([one.is_failure for one in rows], dtype=bool)
    inputs, names = _inputs(records, defined.inputs)
    first = np.array([_day(one.first_at, as_of) for one in records.scopes], dtype=np.float64)
    days = np.array([_day(one.at, as_of) for one in rows], dtype=np.float64)
    np.minimum.at(first, scope, days)
    until = np.array([_day(one, as_of) for one in ends], dtype=np.float64)
    log = RenewalLog(scope, days, is_failure, first, until, inputs, names)
    lives = build_lifetimes(log, defined.same_hours * HOUR_S / DAY_S, defined.age_from)
    count = len(records.scopes)
    return FailureLog(
        as_of,
        tuple(records.scopes),
        lives,
        _counts(lives.scope[lives.is_failure], count),
        _counts(scope[~is_failure], count),
        _last_failures(rows, number),
        rows,
        is_gone,
        _basis(defined, with_failed=records.with_failed),
        len(rows) >= MOST_RECORDS or count >= MOST_SCOPES,
    )


def _is_gone(one: ScopeSeen, defined: FailureDefinition, as_of: datetime) -> bool:
    silent = (as_of - one.last_at).total_seconds() / DAY_S
    return defined.gone_days is not None and silent > defined.gone_days


def _day(at: datetime, as_of: datetime) -> float:
    return (at - as_of).total_seconds() / DAY_S


def _counts(scope: np.ndarray[tuple[int], np.dtype[np.int64]], count: int) -> tuple[int, ...]:
    return tuple(np.bincount(scope, minlength=count).tolist())


def _last_failures(
    rows: Sequence[RenewalRecord], number: dict[str, int]
) -> tuple[datetime | None, ...]:
    """Rows come with the newest first."""
    last: list[datetime | None] = [None] * len(number)
    for row in rows:
        at = number[row.scope]
        if row.is_failure and last[at] is None:
            last[at] = row.at
    return tuple(last)


def _inputs(records: ScopeRecords, names: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """Numbers as they are; words as a column for each of the most frequent ones."""
    rows = [one.inputs for one in records.renewals] + [one.inputs for one in records.scopes]
    columns: list[Floats] = []
    labels: list[str] = []
    for at, name in enumerate(names):
        for label, column in _columns(name, [row[at] for row in rows]):
            labels.append(label)
            columns.append(column)
    if not columns:
        return np.zeros((len(rows), 0)), ()
    return np.column_stack(columns), tuple(labels)


def _columns(name: str, texts: list[str | None]) -> list[tuple[str, Floats]]:
    known = [text for text in texts if text is not None]
    if not known:
        raise BadInput(
            f"inputs: no failure, visit or first record of a scope has the input {name[:60]!r}",
            "inputs",
        )
    try:
        numbers = np.array([np.nan if text is None else float(text) for text in texts])
    except ValueError:
        words, counts = np.unique(known, return_counts=True)
        kept = sorted(words[np.argsort(-counts, kind="stable")][:MOST_CATEGORIES].tolist())
        return [
            (f"{name}={word}", np.array([np.nan if t is None else float(t == word) for t in texts]))
            for word in kept[1:]
        ]
    return [(name, np.where(np.isfinite(numbers), numbers, np.nan))]


def _basis(defined: FailureDefinition, *, with_failed: bool) -> str:
    kinds = ", ".join(map(repr, defined.failure_kinds))
    failed = "failed executions"
    if defined.source == "auto" and with_failed:
        return f"{failed}, since no execution is of kind {kinds}"
    return f"executions of kind {kinds}" + (f" and {failed}" if with_failed else "")


def _check_names(field: str, names: Sequence[str]) -> None:
    if len(names) > MOST_NAMES:
        raise BadInput(f"{field}: {len(names)} names; at most {MOST_NAMES}", field)
    for name in names:
        if not name or len(name) > LONGEST_NAME or "\x00" in name:
            raise BadInput(f"{field}: {name[:40]!r} is not a name", field)
