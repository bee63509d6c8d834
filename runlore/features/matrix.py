"""Feature rows: many at once out of a log, or one out of stored states, by the same functions."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import fold, known, mapped_arrays
from runlore.features.columns import OutcomeValues, measure, singles
from runlore.features.declaration import FeaturePlan, HistoryFeatures
from runlore.features.keys import KeyGroups, KeyParts, group, key_of
from runlore.features.log import Log, prepare
from runlore.features.plan_resolution import resolve
from runlore.records.execution import NO_INSTANT, ExecutionStatus

__all__ = ["HistoryStates", "Log", "RowReader", "extract", "fold_history", "prepare", "resolve"]

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KEYS_AT_ONCE = 10_000
BLOCK = 2_000  # events per block: their rows fit into a core's cache
BLOCKS_IN_MEMORY = 50  # after these, their pages leave memory

REQUEST_SOURCE = "\x00asked"  # no source of a log can have this name


@dataclass(frozen=True)
class HistoryStates:
    """The state of every key of one history after the last event: states is (K, S)."""

    history: HistoryFeatures
    keyed: KeyGroups
    states: Floats

    def keys(self, log: Log) -> list[str]:
        """The text of each key, written from its representative execution."""
        keys = []
        for first in range(0, len(self.keyed), KEYS_AT_ONCE):
            keys += self._keys(log, self.keyed.representative[first : first + KEYS_AT_ONCE])
        return keys

    def _keys(self, log: Log, representative: Ints) -> list[str]:
        parts = zip(
            *(log.executions[name].iloc[representative] for name in known.PARTS),
            log.inputs.iloc[representative].to_dict("records")
            or [{}] * len(representative),  # pandas gives no records of a frame without columns
            strict=True,
        )
        return [
            key_of(self.history, KeyParts(actor, kind, scope, {str(k): v for k, v in row.items()}))
            for actor, kind, scope, row in parts
        ]


def extract(
    log: Log, plan: FeaturePlan, chosen: Ints | None = None
) -> tuple[Rows, list[HistoryStates]]:
    """The feature rows of executions, each as of its submission, and the states after all events.

    chosen: positions of the n executions that get rows, in the order of these; None: all.
    Rows are (n, F) float32; see `mapped_arrays` for where they lie.
    """
    chosen = np.arange(len(log.executions)) if chosen is None else chosen
    rows = mapped_arrays.empty((chosen.size, len(plan.names)), np.float32)
    column = known.fill(rows, log, plan, chosen)
    outcome_values = measure(
        log.facts, list(dict.fromkeys(v for h in plan.histories for v in h.values))
    )
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        keyed = list(threads.map(lambda history: group(history, log), plan.histories))
    mapped_arrays.release()
    histories = list(zip(plan.histories, keyed, strict=True))
    target = FeatureTarget(rows, _places(log, chosen), column)
    return rows, fold_many(log, histories, outcome_values, target)


def _places(log: Log, chosen: Ints) -> Ints:
    places = mapped_arrays.empty((len(log.executions),), np.int64)
    places[:] = -1
    places[chosen] = np.arange(chosen.size)
    return places


def extract_requests(facts: pd.DataFrame, requests: pd.DataFrame, plan: FeaturePlan) -> Rows:
    """(n, F): the feature rows of n requested predictions, each as of its own instant.

    requests: `actor`, `kind`, `scope`, `inputs` as JSON text, and `as_of_us`. What was submitted or
    became known at that very instant counts.
    """
    log = prepare(pd.concat([facts, _as_facts(requests, facts)], ignore_index=True))
    is_request = log.executions["source"].to_numpy() == REQUEST_SOURCE
    log.events.submissions[1, is_request] = fold.REQUESTED
    rows, _ = extract(log, plan)
    request_rows: Rows = rows[is_request]
    return request_rows


def _as_facts(requests: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Turn requests into submissions that come last at their instant."""
    n, last = len(requests), int(facts["seq"].max()) if len(facts) else 0
    submissions = requests[["actor", "kind", "scope", "inputs"]].reset_index(drop=True)
    never = np.full(n, NO_INSTANT)
    at_us = requests["as_of_us"].to_numpy(dtype=np.int64)
    instants = dict.fromkeys(("submitted", "submission_known_at", "known_at"), at_us)
    new: dict[str, Any] = {**instants, "started": never, "finished": never}
    new |= {"seq": np.arange(last + 1, last + n + 1), "revision": np.zeros(n, dtype=np.int64)}
    new |= {"source": REQUEST_SOURCE, "source_id": [str(i) for i in range(n)]}
    new |= {"status": str(ExecutionStatus.SUBMITTED), "outcome": "{}"}
    return submissions.assign(**new)[list(facts.columns)]


def fold_history(log: Log, history: HistoryFeatures) -> tuple[Rows, HistoryStates]:
    """Fold the whole log by one history.

    Returns its features as of each submission, (N, len(history.feature_names)), and the states.
    """
    everything = np.arange(len(log.executions))
    rows = mapped_arrays.empty((everything.size, len(history.chosen)), np.float32)
    return rows, _fold_one(log, history, FeatureTarget(rows, everything, 0))


def fold_states(log: Log, history: HistoryFeatures) -> HistoryStates:
    """The states of `fold_history`, without features."""
    rows = np.empty((0, len(history.chosen)), dtype=np.float32)
    nowhere = _places(log, np.empty(0, dtype=np.int64))
    return _fold_one(log, history, FeatureTarget(rows, nowhere, 0))


def _fold_one(log: Log, history: HistoryFeatures, target: "FeatureTarget") -> HistoryStates:
    outcome_values = measure(log.facts, history.values)
    return fold_many(log, [(history, group(history, log))], outcome_values, target)[0]


@dataclass(frozen=True)
class FeatureTarget:
    """Where features go: `rows` from `column` on, each execution's in the row `places` names."""

    rows: Rows
    places: Ints
    column: int


def fold_many(
    log: Log,
    histories: Sequence[tuple[HistoryFeatures, KeyGroups]],
    outcome_values: OutcomeValues,
    target: FeatureTarget,
) -> list[HistoryStates]:
    """Write the features of histories, one beside the other, into a target.

    Each core takes some neighbours and goes through the events in blocks, so that the rows of one
    block are still near when the next history writes to them.
    """
    folds, column = [], target.column
    for history, keyed in histories:
        folds.append(_Fold(history, keyed, outcome_values.of(history.values), column))
        column += len(history.chosen)
    cores = os.cpu_count() or 1
    shares = [share for share in np.array_split(np.arange(len(folds)), cores) if share.size]
    with ThreadPoolExecutor(cores) as threads:
        list(threads.map(lambda share: _run(log, [folds[i] for i in share], target), shares))
    return [history_fold.states for history_fold in folds]


class _Fold:
    """The fold of one history over a log."""

    def __init__(
        self, history: HistoryFeatures, keyed: KeyGroups, outcome_values: Floats, column: int
    ) -> None:
        empty = fold.empty_state(history.windows, len(history.values))
        states = mapped_arrays.empty((len(keyed), empty.size), np.float64)
        for piece in mapped_arrays.pieces(len(keyed), empty.nbytes):
            states[piece] = empty
        self.states = HistoryStates(history, keyed, states)
        self.outcome_values, self.column = outcome_values, column
        self.half_lives_us = half_lives_us(history)
        self.chosen = np.array(history.chosen, dtype=np.int64)

    def run(self, log: Log, order: Ints, target: FeatureTarget) -> None:
        fold.fold(
            self.states.states,
            self.states.keyed.codes,
            target.places,
            log.events.submissions,
            log.events.outcomes,
            order,
            self.outcome_values,
            self.half_lives_us,
            self.chosen,
            target.rows,
            self.column,
        )


def _run(log: Log, folds: Sequence[_Fold], target: FeatureTarget) -> None:
    order = log.events.order
    for block, start in enumerate(range(0, order.size, BLOCK), 1):
        for history_fold in folds:
            history_fold.run(log, order[start : start + BLOCK], target)
        if block % BLOCKS_IN_MEMORY == 0:
            mapped_arrays.release()


def half_lives_us(history: HistoryFeatures) -> Floats:
    """(windows,): half-lives and, below 0, numbers of last outcomes, as `fold` reads them."""
    return np.array([*(s * 1e6 for s in history.half_lives_s), *(-float(n) for n in history.last)])


@dataclass(frozen=True)
class StateReader:
    """Reads the features of one history from states."""

    history: HistoryFeatures
    half_lives_us: Floats
    chosen: Ints
    empty: Floats

    @classmethod
    def of(cls, history: HistoryFeatures) -> "StateReader":
        empty = fold.empty_state(history.windows, len(history.values))
        return cls(history, half_lives_us(history), np.array(history.chosen), empty)

    def stack(self, states: Sequence[Floats | None]) -> Floats:
        """(N, S): the states; a key without one gets the empty state."""
        return np.stack([self.empty if state is None else state for state in states])

    def read(self, states: Floats, as_of_us: Ints, rows: Rows, column: int) -> None:
        """Fill the columns of (N, F) rows from `column` on."""
        values = len(self.history.values)
        fold.read_many(states, as_of_us, self.half_lives_us, values, self.chosen, rows, column)


Keys = tuple[tuple[str, str], ...]  # The `(history digest, key)` of each state that a row needs


@dataclass(frozen=True)
class RowReader:
    """Makes feature rows from stored states; built once per model version."""

    plan: FeaturePlan
    codes: tuple[dict[str, int], ...] = field(init=False)
    readers: tuple[StateReader, ...] = field(init=False)
    digests: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        codes = tuple({w: i for i, w in enumerate(v.words)} for v in self.plan.categories)
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "readers", tuple(map(StateReader.of, self.plan.histories)))
        object.__setattr__(self, "digests", tuple(h.digest for h in self.plan.histories))

    def keys(self, subject: KeyParts) -> Keys:
        histories = zip(self.digests, self.plan.histories, strict=True)
        return tuple((digest, key_of(history, subject)) for digest, history in histories)

    def row(
        self, subject: KeyParts, as_of_us: int, states: Mapping[tuple[str, str], Floats]
    ) -> Rows:
        """The (F,) feature row; a key without a state has no past."""
        stacked = self.stack([self.keys(subject)], states)
        row: Rows = self.rows([subject], np.array([as_of_us]), stacked)[0]
        return row

    def stack(
        self, keys: Sequence[Keys], states: Mapping[tuple[str, str], Floats]
    ) -> tuple[Floats, ...]:
        """The states of N subjects by their keys: (N, S) for each history."""
        return tuple(
            reader.stack([states.get(names[place]) for names in keys])
            for place, reader in enumerate(self.readers)
        )

    @cached_property
    def unknown(self) -> Rows:
        """(H,): the features of all histories for keys without events."""
        width = sum(len(reader.chosen) for reader in self.readers)
        rows, column = np.empty((1, width), dtype=np.float32), 0
        for reader in self.readers:
            reader.read(reader.empty[None, :], np.zeros(1, dtype=np.int64), rows, column)
            column += len(reader.chosen)
        unknown: Rows = rows[0]
        return unknown

    def rows_alone(self, subjects: Sequence[KeyParts], as_of_us: Ints) -> Rows:
        """(N, F): the rows of N subjects, each at its instant, (N,), where there are no states."""
        rows, column = self._known(subjects, as_of_us.tolist())
        rows[:, column:] = self.unknown
        return rows

    def rows(self, subjects: Sequence[KeyParts], as_of_us: Ints, stacked: Sequence[Floats]) -> Rows:
        """(N, F): the rows of N subjects, each at its instant, (N,), out of `stack`."""
        rows, column = self._known(subjects, as_of_us.tolist())
        for reader, states in zip(self.readers, stacked, strict=True):
            reader.read(states, as_of_us, rows, column)
            column += len(reader.chosen)
        return rows

    def _known(self, subjects: Sequence[KeyParts], as_of_us: Sequence[int]) -> tuple[Rows, int]:
        """Rows filled up to the column where histories begin, and that column."""
        known_values = [
            known.values(subject, at_us, self.plan, self.codes)
            for subject, at_us in zip(subjects, as_of_us, strict=True)
        ]
        rows = np.empty((len(subjects), len(self.plan.names)), dtype=np.float32)
        column = len(known_values[0])
        rows[:, :column] = singles(
            np.array(known_values, dtype=np.float64).reshape(len(known_values), column)
        )
        return rows, column


def latest_us(stacked: Sequence[Floats]) -> Ints:
    """(N,): the latest submission or outcome that the states know of; NO_INSTANT for none."""
    instants = [
        states[:, at] for states in stacked for at in (fold.LAST_SUBMISSION, fold.LAST_OUTCOME)
    ]
    if not instants:
        return np.zeros(0, dtype=np.int64)
    latest: Ints = np.fmax.reduce(instants, initial=float(NO_INSTANT)).astype(np.int64)
    return latest
