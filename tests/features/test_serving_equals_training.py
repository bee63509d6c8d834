"""Folding one event at a time and reading one row gives the bits of the whole matrix."""

import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.features import fold, matrix
from runlore.features.columns import measure
from runlore.features.declaration import FeaturePlan, FeatureSet, HistoryFeatures
from runlore.features.keys import KeyParts, key_of
from runlore.features.matrix import half_lives_us
from tests.features.logs import VALUES, busy_log, frame, logs

HISTORIES = (
    HistoryFeatures((), ("failed",), (3600.0,)),
    HistoryFeatures(("actor",), VALUES, (1.0, 600.0, 86_400.0)),
    HistoryFeatures(("scope", "kind"), ("log_duration",), (0.5,)),
    HistoryFeatures(("inputs.p", "actor"), (), (60.0,)),
    HistoryFeatures(("actor", "inputs"), ("outcome.cost", "failed"), (60.0, 3600.0), last=(5, 20)),
)


def serve(log: matrix.Log, plan: FeaturePlan) -> np.ndarray:
    """Every row as serving makes it: states by key, changed by one event at a time."""
    reader = matrix.RowReader(plan)
    events, seq = log.events, log.executions["seq"].to_numpy()
    subjects = [
        subject(row)
        for row in log.executions.take(np.arange(len(log.executions))).to_dict("records")
    ]
    states: dict[tuple[str, str], np.ndarray] = {}
    measured = Measured(log.facts)
    rows = np.empty((len(log.executions), len(plan.names)), dtype=np.float32)
    for e, what in enumerate(events.what):
        x, at_us = int(events.execution[e]), int(events.at_us[e])
        if what == fold.SUBMISSION:
            rows[x] = reader.row(subjects[x], at_us, states)
        for history in plan.histories:
            name = (history.digest, key_of(history, subjects[x]))
            size = (history.windows, len(history.values))
            state = states.setdefault(name, fold.empty_state(*size))
            fading_us = half_lives_us(history)
            if what == fold.SUBMISSION:
                fold.submit(state, at_us, fading_us)
                continue
            told = measured.of(int(events.fact[e]), history)
            if what == fold.OUTCOME:
                fold.finish(state, at_us, int(seq[x]), told, fading_us)
            else:
                first_us = int(events.first_known_us[e])
                old = measured.of(int(events.replaced[e]), history)
                fold.correct(state, at_us, int(seq[x]), first_us, told, old, fading_us)
    return rows


@dataclass
class Measured:
    """What single facts tell, each measured alone."""

    facts: pd.DataFrame
    told: dict[int, np.ndarray] = field(default_factory=dict)

    def of(self, fact: int, history: HistoryFeatures) -> np.ndarray:
        if fact not in self.told:
            self.told[fact] = measure(self.facts.iloc[[fact]], VALUES).table[0]
        return self.told[fact][[VALUES.index(value) for value in history.values]]


def first_facts(log: matrix.Log) -> list[dict]:
    return log.executions.take(np.arange(len(log.executions))).to_dict("records")


def subject(row) -> KeyParts:
    return KeyParts(row["actor"], row["kind"], row["scope"], json.loads(row["inputs"]))


@given(logs(), st.data())
@settings(max_examples=40)
def test_served_rows_have_the_bits_of_training_rows(facts, data):
    log = matrix.prepare(frame(facts))
    training = data.draw(st.lists(st.booleans(), min_size=len(log.executions)))
    mask = np.array(training[: len(log.executions)], dtype=bool)
    plan = matrix.resolve(FeatureSet(HISTORIES, utc_offset_h=5.5), log, mask)
    rows, _ = matrix.extract(log, plan)
    np.testing.assert_array_equal(serve(log, plan).view(np.uint32), rows.view(np.uint32))


@given(logs())
@settings(max_examples=25)
def test_the_states_after_a_log_are_those_that_serving_would_hold(facts):
    log = matrix.prepare(frame(facts))
    plan = FeaturePlan((), (), HISTORIES)
    _, finals = matrix.extract(log, plan)
    held: dict[tuple[str, str], np.ndarray] = {}
    for final in finals:
        keys = final.keys(log)
        assert len(set(keys)) == len(keys)
        held |= {(final.history.digest, k): s for k, s in zip(keys, final.states, strict=True)}
    reader = matrix.RowReader(plan)
    later = max([0, *log.events.at_us]) + 1_000_000
    for row in first_facts(log):
        assert set(reader.keys(subject(row))) <= set(held)
        assert np.isfinite(reader.row(subject(row), later, held)[3])


def test_the_bits_are_equal_on_a_long_busy_log():
    log = matrix.prepare(frame(busy_log(executions=1000)))
    plan = matrix.resolve(FeatureSet(HISTORIES), log, np.arange(len(log.executions)) < 500)
    rows, _ = matrix.extract(log, plan)
    np.testing.assert_array_equal(serve(log, plan).view(np.uint32), rows.view(np.uint32))
