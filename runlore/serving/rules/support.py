"""How much a version knows about a request: what of it training and the history have seen.

The word is computed from a feature row that is there anyway; the details only on request.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.features.columns import number, word
from runlore.features.declaration import FeaturePlan
from runlore.features.keys import KeyParts
from runlore.features.known import PARTS
from runlore.models.learned_ranges import LearnedRanges

Rows = NDArray[np.float32]
Support = Literal["none", "little", "good"]
UnknownReason = Literal["never seen", "out of range", "few outcomes"]

LEAST_OUTCOMES = 3.0  # of the actor, or of what else the plan counts: below, support is little
MOSTLY_NEW = 0.5  # share of training rows: where more are of somebody new, being new is usual
SIMILAR = 0.6  # the least similarity of a word to the nearest known one
LONGEST_COMPARED = 100  # characters of a word that is compared with known ones
LEAST_VECTORISED = 8  # rows; for fewer a loop is quicker
PREFIX = "inputs."


@dataclass(frozen=True, slots=True)
class UnknownPart:
    """What a version does not know about a request.

    field: of the request, as `actor` or `inputs.nodes`. nearest: the nearest word or number that is
    known; None: none is near. low, high: of a number, the range in training. text: a sentence.
    """

    field: str
    reason: UnknownReason
    text: str
    nearest: str | float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class _Check:
    """One column of the rows; what is in it is fine between low and high."""

    name: str
    kind: Literal["number", "word", "seen", "outcomes"]
    column: int
    low: float
    high: float = np.inf


@dataclass(frozen=True)
class SupportReader:
    """Reads support from feature rows; built once per version."""

    plan: FeaturePlan
    ranges: LearnedRanges
    _checks: tuple[_Check, ...] = field(init=False)
    _columns: NDArray[np.int64] = field(init=False)
    _bounds: tuple[tuple[float, float], ...] = field(init=False)
    _low: Rows = field(init=False)
    _high: Rows = field(init=False)

    def __post_init__(self) -> None:
        checks = tuple(_checks(self.plan, self.ranges))
        bounds = [(check.low, check.high) for check in checks]
        low, high = np.array(bounds, dtype=np.float32).reshape(-1, 2).T
        built = {
            "_checks": checks,
            "_columns": np.array([check.column for check in checks], dtype=np.int64),
            "_bounds": tuple(zip(low.tolist(), high.tolist(), strict=True)),
            "_low": low,
            "_high": high,
        }
        for name, value in built.items():
            object.__setattr__(self, name, value)

    def read(self, rows: Rows, subjects: Sequence[KeyParts]) -> list[Support]:
        """(N,): the support of each of N requests with these rows, (N, F)."""
        if not self._checks:
            return ["little"] * len(rows)
        values = rows.take(self._columns, axis=1)
        if len(rows) >= LEAST_VECTORISED:
            is_fine = (values >= self._low) & (values <= self._high)
            if is_fine.all():
                return ["good"] * len(rows)
        return [
            self._judge(row, subject)
            for row, subject in zip(values.tolist(), subjects, strict=True)
        ]

    def unknown(self, row: Rows, subject: KeyParts) -> tuple[UnknownPart, ...]:
        """What is not known about one request with this row, (F,)."""
        values = row.take(self._columns).tolist()
        known, few = self._parts(values, subject)
        parts = [self._describe(name, subject) for name, is_known in known.items() if not is_known]
        return tuple(parts or ([] if few is None else [_few_outcomes(*few)]))

    def _judge(self, values: Sequence[float], subject: KeyParts) -> Support:
        for value, (low, high) in zip(values, self._bounds, strict=True):
            if not low <= value <= high:  # NaN is not
                break
        else:
            return "good"
        known, few = self._parts(values, subject)
        who = [is_known for name, is_known in known.items() if name in PARTS]
        if not any(who or known.values()):
            return "none"
        return "good" if few is None and all(known.values()) else "little"

    def _parts(
        self, values: Sequence[float], subject: KeyParts
    ) -> tuple[dict[str, bool], tuple[str, float] | None]:
        """Which of the parts that the request states are known, and whose outcomes are too few."""
        known: dict[str, bool] = {}
        few = None
        for check, value in zip(self._checks, values, strict=True):
            is_fine = check.low <= value <= check.high
            if check.kind == "outcomes":
                few = None if is_fine else (check.name, value)
            elif check.kind == "number":
                if not math.isnan(value):
                    known[check.name] = is_fine
            elif _stated(check.name, subject):
                known[check.name] = known.get(check.name, False) or is_fine
        return known, few

    def _describe(self, name: str, subject: KeyParts) -> UnknownPart:
        if name in PARTS or name not in self.ranges:
            return self._unknown_word(name, _stated(name, subject))
        low, high = self.ranges[name].low, self.ranges[name].high
        value = number(subject.inputs.get(name.removeprefix(PREFIX)))
        nearest = low if value < low else high
        text = f"{name}: {value:g} is beyond what was learned, {low:g} to {high:g}"
        return UnknownPart(name, "out of range", text, nearest, low, high)

    def _unknown_word(self, name: str, said: str) -> UnknownPart:
        words = next((v.words for v in self.plan.categories if v.name == name), ())
        nearest = nearest_word(said, words)
        like = "" if nearest is None else f"; the nearest known is {nearest!r}"
        shown = said if len(said) <= LONGEST_COMPARED else f"{said[:LONGEST_COMPARED]}…"
        return UnknownPart(name, "never seen", f"{name}: {shown!r} was never seen{like}", nearest)


def _few_outcomes(name: str, count: float) -> UnknownPart:
    shown = 0.0 if math.isnan(count) else count
    text = f"{name}: outcomes of about {shown:.2g} recent runs are known"
    return UnknownPart(name, "few outcomes", text)


def nearest_word(said: str, words: Sequence[str]) -> str | None:
    """The most similar word; None: none is similar.

    >>> nearest_word("Biuld", ("test", "build")), nearest_word("x", ("test",))
    ('build', None)
    """
    folded: dict[str, str] = {}
    for one in words:
        folded.setdefault(one[:LONGEST_COMPARED].casefold(), one)
    said = said[:LONGEST_COMPARED].casefold()
    return next((folded[like] for like in get_close_matches(said, folded, 1, SIMILAR)), None)


def _stated(name: str, subject: KeyParts) -> str:
    """What the request says there; empty: nothing."""
    if name in PARTS:
        return str(getattr(subject, name))
    return word(subject.inputs.get(name.removeprefix(PREFIX)))


def _checks(plan: FeaturePlan, ranges: LearnedRanges) -> Iterator[_Check]:
    places = {name: at for at, name in enumerate(plan.names)}
    for name in (f"{PREFIX}{one}" for one in plan.inputs):
        if name in ranges:
            yield _Check(name, "number", places[name], ranges[name].low, ranges[name].high)
    seen, new = _seen(plan, places, ranges)
    for vocabulary in plan.categories:
        if vocabulary.name not in new:
            yield _Check(vocabulary.name, "word", places[vocabulary.name], 0.0)
    for name, (column, _) in seen.items():
        yield _Check(name, "seen", column, 0.0)
    counts = (seen[name][1] for name in PARTS if name in seen)
    if (counted := next(counts, None)) is not None:
        yield _Check(next(n for n in PARTS if n in seen), "outcomes", counted, LEAST_OUTCOMES)


def _seen(
    plan: FeaturePlan, places: Mapping[str, int], ranges: LearnedRanges
) -> tuple[dict[str, tuple[int, int]], set[str]]:
    """Keys of one part -> the columns with the time since a submission and the count of outcomes.

    Second, the parts that were new in most of the training rows, which tell nothing.
    """
    seen: dict[str, tuple[int, int]] = {}
    new: set[str] = set()
    for history in plan.histories:
        if len(history.keys) != 1 or history.keys == ("inputs",):
            continue
        [name] = history.keys
        since = f"{history.name}.since_submission_s"
        counts = [one for one in history.feature_names if "_count_" in one]
        learned = ranges.get(since)
        if learned is not None and learned.missing_share > MOSTLY_NEW:
            new.add(name)
        elif since in places and counts:
            seen[name] = places[since], places[counts[-1]]
    return seen, new
