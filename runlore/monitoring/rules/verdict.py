"""Judge a window: two profiles and a policy give a verdict with reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from runlore.monitoring.rules import change, discovery, new_words
from runlore.monitoring.rules.histogram import Histogram, Profile
from runlore.monitoring.rules.level import window_level
from runlore.monitoring.rules.measures import ColumnKind, DriftMeasure, kind_of, measure
from runlore.monitoring.rules.usual import UsualColumn, UsualDistances
from runlore.specs.model_spec import DriftPolicy

Answer = Literal["drift", "no drift", "not enough data"]
Words = Mapping[str, Sequence[str]]  # by categorical column: the word of each code


@dataclass(frozen=True)
class VerdictContext:
    """What is known beside the rows.

    words: of categories. importance: of features, see `discovery.weights`. usual: between windows
    of the training.
    """

    words: Words = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)
    usual: UsualDistances = field(default_factory=UsualDistances)


@dataclass(frozen=True)
class ColumnVerdict:
    """A column has drifted when its change is large and may be believed, or by its new words.

    Large: by its PSI; predictions and labels by KS, too, since a rate that doubles moves PSI
    little. Believed: q_value, its p_value adjusted for all columns of the window, is at
    most the window's level. New words: too many rows hold a word that training did not know, which
    is so whatever chance may do. change: what moved, in words; empty where nothing did.
    """

    name: str
    measures: tuple[DriftMeasure, ...]
    change: str = ""
    p_value: float = 0.0
    q_value: float = 0.0
    level: float = 1.0
    weight: float = 1.0

    @property
    def kind(self) -> ColumnKind:
        return kind_of(self.name)

    @property
    def psi(self) -> DriftMeasure:
        return next(measure for measure in self.measures if measure.statistic == "psi")

    @property
    def new_words(self) -> DriftMeasure | None:
        """The share of rows with words unknown in training, where it counts by itself."""
        unknown = (m for m in self.measures if m.statistic == "unknown_words" and m.is_drifted)
        return next(unknown, None)

    @property
    def is_large(self) -> bool:
        return self._decisive.is_drifted

    @property
    def _decisive(self) -> DriftMeasure:
        """The measure that says how large the change is."""
        ks = [
            measure for measure in self.measures if measure.statistic == "ks" and measure.is_drifted
        ]
        by_ks = ks and self.kind != "feature" and not self.psi.is_drifted
        return ks[0] if by_ks else self.psi

    @property
    def is_drifted(self) -> bool:
        return self.new_words is not None or (self.is_large and self.q_value <= self.level)

    @property
    def reason(self) -> str:
        moved = f": {self.change}" if self.change else ""
        if self.new_words is not None:
            words = f"words unknown in training in {self.new_words.value:.0%} of rows"
            return f"{self.name}{moved} ({words}, at least {self.new_words.threshold:.0%})"
        measure = self._decisive
        name = measure.statistic.upper()
        comparison = "at least" if measure.is_drifted else "below"
        size = f"{name} {measure.value:.3f}, {comparison} {measure.threshold:.3f}"
        sure = f"; q {self.q_value:.2g} of {self.level:.2g}" if self.level < 1 else ""
        return f"{self.name}{moved} ({size}{sure})"


@dataclass(frozen=True)
class WindowVerdict:
    """The verdict on a window. columns: the most drifted first; empty without enough data.

    drifted_share: of the features, by weight. threshold: the share that makes a drift.
    level: how often a quiet window may read as drift, see `level.py`.
    """

    answer: Answer
    rows_reference: int
    rows_current: int
    drifted_share: float
    threshold: float
    columns: tuple[ColumnVerdict, ...]
    reasons: tuple[str, ...]
    level: float = 1.0

    @property
    def drifted(self) -> tuple[ColumnVerdict, ...]:
        return tuple(column for column in self.columns if column.is_drifted)


def judge(
    reference: Profile,
    current: Profile,
    policy: DriftPolicy,
    background: VerdictContext | None = None,
) -> WindowVerdict:
    """Compare a window's profile with the reference's, counted in the same bins.

    A column other than the first that holds too few rows on either side is left out: labels may.
    """
    known = background or VerdictContext()
    rows = (reference.rows, current.rows)
    if min(rows) < policy.least_rows:
        return not_enough(*rows, policy)
    pairs = [
        (mine, theirs)
        for mine, theirs in zip(reference.columns, current.columns, strict=True)
        if min(mine.rows, theirs.rows) >= policy.least_rows
    ]
    columns = [
        judge_column(
            mine,
            theirs,
            policy,
            known.words.get(mine.name, ()),
            known.usual.columns.get(mine.name),
        )
        for mine, theirs in pairs
    ]
    level = window_level(policy, known.usual.persistence)
    return conclude(believed(columns, known.importance, level), *rows, policy.drifted_share)


def believed(
    columns: Sequence[ColumnVerdict], importance: Mapping[str, float], level: float
) -> list[ColumnVerdict]:
    """The same columns with what each counts, and what its p-value is worth among so many."""
    of_each = discovery.weights([column.name for column in columns], importance)
    adjusted = discovery.adjusted([column.p_value for column in columns], of_each)
    return [
        replace(column, q_value=float(q), weight=float(weight), level=level)
        for column, q, weight in zip(columns, adjusted, of_each, strict=True)
    ]


def not_enough(rows_reference: int, rows_current: int, policy: DriftPolicy) -> WindowVerdict:
    which = "window" if rows_current < policy.least_rows else "reference"
    rows = min(rows_current, rows_reference) if which == "reference" else rows_current
    reason = f"the {which} holds {rows:,} rows; a verdict needs {policy.least_rows:,}"
    return WindowVerdict(
        "not enough data", rows_reference, rows_current, 0.0, policy.drifted_share, (), (reason,)
    )


def conclude(
    columns: Sequence[ColumnVerdict], rows_reference: int, rows_current: int, least_share: float
) -> WindowVerdict:
    """A window has drifted when predictions or labels have, or enough of its features by weight,
    or when a feature holds too many words that training did not know: no weight is known of them.
    """
    worst = sorted(columns, key=lambda column: (-_excess(column.psi), column.name))
    drifted = [column for column in worst if column.is_drifted]
    features = [column for column in worst if column.kind == "feature"]
    moved = [column for column in features if column.is_drifted]
    whole = sum(column.weight for column in features)
    share = sum(column.weight for column in moved) / whole if whole else 0.0
    summary = (
        f"{len(moved)} of {len(features)} features drifted"
        f" ({share:.0%} by weight; {least_share:.0%} make a drift)"
    )
    alone = [column.name for column in drifted if column.kind != "feature"]
    summary += "".join(f"; the {name} has, which makes one by itself" for name in alone)
    new = [(column.name, column.new_words.value) for column in moved if column.new_words]
    summary += "".join(
        f"; {of_rows:.0%} of the rows hold a value of {name} that is unknown in training, which"
        " makes one by itself"
        for name, of_rows in new
    )
    is_drifted = bool(alone or new) or (bool(moved) and share >= least_share)
    return WindowVerdict(
        answer="drift" if is_drifted else "no drift",
        rows_reference=rows_reference,
        rows_current=rows_current,
        drifted_share=share,
        threshold=least_share,
        columns=tuple(worst),
        reasons=(summary, *(column.reason for column in drifted)),
        level=columns[0].level if columns else 1.0,
    )


def _excess(measure: DriftMeasure) -> float:
    return measure.value / measure.threshold if measure.threshold else measure.value


def judge_column(
    reference: Histogram,
    current: Histogram,
    policy: DriftPolicy,
    words: Sequence[str] = (),
    usual: UsualColumn | None = None,
) -> ColumnVerdict:
    """A column by itself: its p-value is not adjusted yet."""
    distance = measure(reference, current, policy)
    limits = usual.limits if usual else {}
    measures = tuple(
        replace(one, threshold=max(one.threshold, limits.get(one.statistic, 0.0)))
        for one in distance.measures
    )
    p_value = usual.p_value(distance) if usual else distance.p_by_chance
    said = change.describe(reference, current, measures[1:], words)
    new = new_words.share(reference, current)
    if new:
        threshold = max(
            policy.unknown_words, new_words.limit(reference, usual.new_words if usual else 0.0)
        )
        measures = (*measures, DriftMeasure("unknown_words", new, threshold))
    return ColumnVerdict(reference.name, measures, said, p_value)
