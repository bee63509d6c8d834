"""Feature rows: many at once out of a log, or one out of stored states, by the same functions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import fold
from runlore.features.columns import expand, measure, number, numbers
from runlore.features.declaration import FeaturePlan, FeatureSet, History, Vocabulary
from runlore.features.events import Timeline, measured_by, timeline
from runlore.features.keys import Keyed, Subject, group, key_of, word
from runlore.records.execution import Scalar

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_US = 3_600_000_000
THURSDAY = 3  # 1970-01-01, counting from Monday
UNKNOWN_WORD = -1.0
MOST_WORDS = 1000
PARTS = ("actor", "kind", "scope")


@dataclass(frozen=True)
class Log:
    """A log's facts with what every extraction needs of them, worked out once.

    facts: all facts in sequence. executions: the first fact of each execution (N rows).
    inputs: their inputs, a column each.
    """

    facts: pd.DataFrame
    events: Timeline
    executions: pd.DataFrame
    inputs: pd.DataFrame

    @property
    def as_of_us(self) -> Ints:
        """(N,): the instant at which each execution's features are read: its submission."""
        return self.executions["submission_known_at"].to_numpy(dtype=np.int64)


def prepare(facts: pd.DataFrame) -> Log:
    """Take facts in sequence (columns: EXECUTION_COLUMNS, `seq`, `revision`)."""
    facts = facts.reset_index(drop=True)
    events = timeline(facts)
    executions = facts.iloc[events.first].reset_index(drop=True)
    return Log(facts, events, executions, expand(executions["inputs"]))


@dataclass(frozen=True)
class States:
    """The state of every key of one history after the last event: states is (K, S)."""

    history: History
    keyed: Keyed
    states: Floats

    def keys(self, log: Log) -> list[str]:
        """The text of each key, written from one representative execution each."""
        rows = log.executions.iloc[self.keyed.representative]
        inputs = log.inputs.iloc[self.keyed.representative].to_dict("records")
        parts = zip(rows["actor"], rows["kind"], rows["scope"], inputs, strict=True)
        return [
            key_of(self.history, Subject(actor, kind, scope, _scalars(each)))
            for actor, kind, scope, each in parts
        ]


def _scalars(record: Mapping[object, object]) -> dict[str, Scalar]:
    return {
        str(name): value.item() if isinstance(value, np.generic) else value  # type: ignore[misc]
        for name, value in record.items()
        if value is not None
    }


def resolve(features: FeatureSet, log: Log, training: NDArray[np.bool_]) -> FeaturePlan:
    """Close what a FeatureSet leaves open, looking only at the training executions."""
    seen = log.inputs.loc[training]
    named = [name for name in sorted(seen.columns) if seen[name].notna().any()]
    numeric = [name for name in named if pd.api.types.is_numeric_dtype(seen[name])]
    inputs = tuple(numeric) if features.inputs is None else features.inputs
    texts = [f"inputs.{name}" for name in named if name not in numeric]
    categories = (*PARTS, *texts) if features.categories is None else features.categories
    rows = log.executions.loc[training]
    vocabularies = [_vocabulary(name, _text(name, rows, seen)) for name in categories]
    telling = tuple(v for v in vocabularies if len(v.words) > 1)
    used = {*inputs, *(v.name.removeprefix("inputs.") for v in telling)}
    return FeaturePlan(
        inputs=inputs,
        categories=telling,
        histories=features.histories,
        has_calendar=features.has_calendar,
        utc_offset_h=features.utc_offset_h,
        others=tuple(name for name in named if name not in used),
    )


def _text(name: str, executions: pd.DataFrame, inputs: pd.DataFrame) -> "pd.Series[str]":
    if name in PARTS:
        return executions[name]
    key = name.removeprefix("inputs.")
    if key not in inputs:
        return pd.Series("", index=executions.index)
    codes, values = pd.factorize(inputs[key])
    words = np.array([*(word(value) for value in values), ""], dtype=object)
    return pd.Series(words[codes], index=executions.index)


def _vocabulary(name: str, column: "pd.Series[str]") -> Vocabulary:
    counts = column.value_counts().reset_index()
    counts.columns = pd.Index(["word", "count"])
    counts = counts.sort_values(["count", "word"], ascending=[False, True])
    return Vocabulary(name, tuple(str(word) for word in counts["word"].head(MOST_WORDS)))


def extract(log: Log, plan: FeaturePlan) -> tuple[Rows, list[States]]:
    """Feature rows of all N executions, each as of its submission: (N, F) float32, and states."""
    rows = np.empty((len(log.executions), len(plan.names)), dtype=np.float32)
    at = _fill_known(rows, log.executions, log.inputs, log.as_of_us, plan)
    finals = []
    for history in plan.histories:
        values, states = fold_history(log, history)
        rows[:, at : at + len(history.chosen)] = values[:, history.chosen]
        at += len(history.chosen)
        finals.append(states)
    return rows, finals


def fold_history(log: Log, history: History) -> tuple[Floats, States]:
    """Fold the whole log by one history.

    Returns what `fold.read` gives as of each submission, (N, len(history.columns)), and the states.
    """
    told, replaced = measured_by(log.events, measure(log.facts, history.values))
    keyed = group(history, log.executions, log.inputs)
    size, values = len(history.half_lives_s), len(history.values)
    states = np.tile(fold.empty_state(size, values), (len(keyed), 1))
    out = np.empty((len(log.executions), fold.feature_count(size, values)))
    events = log.events
    ids = log.executions["seq"].to_numpy(dtype=np.int64)
    fold.fold(
        states,
        keyed.codes[events.execution],
        events.what,
        events.at_us,
        ids[events.execution],
        events.first_known_us,
        told,
        replaced,
        np.where(events.what == fold.SUBMISSION, events.execution, -1),
        half_lives_us(history),
        out,
    )
    return out, States(history, keyed, states)


def half_lives_us(history: History) -> Floats:
    return np.array(history.half_lives_s) * 1e6


def _fill_known(
    rows: Rows, executions: pd.DataFrame, inputs: pd.DataFrame, as_of_us: Ints, plan: FeaturePlan
) -> int:
    """Fill inputs, categories and calendar; the number of columns filled."""
    at = 0
    for name in plan.inputs:
        rows[:, at] = numbers(inputs[name]) if name in inputs else np.nan
        at += 1
    for vocabulary in plan.categories:
        words = pd.Index(vocabulary.words)
        rows[:, at] = words.get_indexer(pd.Index(_text(vocabulary.name, executions, inputs)))
        at += 1
    if plan.has_calendar:
        rows[:, at : at + 3] = np.column_stack(calendar(as_of_us, plan.utc_offset_h))
        at += 3
    return at


def calendar(as_of_us: Ints, utc_offset_h: float) -> tuple[Floats, Floats, Floats]:
    """Hour of the day, day of the week from Monday, hour of the week: local, as fractions."""
    hours = (as_of_us + round(utc_offset_h * HOUR_US)) / HOUR_US
    weekday = np.floor(hours / 24 + THURSDAY) % 7
    hour = hours % 24
    return hour, weekday, weekday * 24 + hour


@dataclass(frozen=True)
class RowReader:
    """Makes one row out of stored states; built once per model version."""

    plan: FeaturePlan
    codes: tuple[dict[str, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        codes = tuple({w: i for i, w in enumerate(v.words)} for v in self.plan.categories)
        object.__setattr__(self, "codes", codes)

    def keys(self, subject: Subject) -> list[tuple[str, str]]:
        """The `(history digest, key)` of each state that the row needs."""
        return [(h.digest, key_of(h, subject)) for h in self.plan.histories]

    def row(
        self, subject: Subject, as_of_us: int, states: Mapping[tuple[str, str], Floats]
    ) -> Rows:
        """The (F,) feature row; a key without a state has no past."""
        plan = self.plan
        known = [number(subject.inputs.get(name)) for name in plan.inputs]
        for vocabulary, codes in zip(plan.categories, self.codes, strict=True):
            known.append(float(codes.get(_word(vocabulary.name, subject), UNKNOWN_WORD)))
        if plan.has_calendar:
            instant = np.array([as_of_us], dtype=np.int64)
            known += [part[0] for part in calendar(instant, plan.utc_offset_h)]
        parts = [np.array(known, dtype=np.float64)]
        for history, name in zip(plan.histories, self.keys(subject), strict=True):
            parts.append(read_one(history, states.get(name), as_of_us))
        return np.concatenate(parts).astype(np.float32)


def read_one(history: History, state: Floats | None, as_of_us: int) -> Floats:
    size, values = len(history.half_lives_s), len(history.values)
    out = np.empty(fold.feature_count(size, values))
    known = fold.empty_state(size, values) if state is None else state
    fold.read(known, as_of_us, half_lives_us(history), values, out)
    return out[list(history.chosen)]


def _word(name: str, subject: Subject) -> str:
    if name in PARTS:
        return str(getattr(subject, name))
    return word(subject.inputs.get(name.removeprefix("inputs.")))
