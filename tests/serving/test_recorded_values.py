"""What one outcome tells, and how its content is named: one at a time as by the column."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from runlore.features.columns import measure
from runlore.features.online import FactResult
from runlore.kernel.digests import CONTENT, content_digests
from runlore.kernel.instants import from_us, to_us
from runlore.log.executions import read_facts
from runlore.records.execution import NO_INSTANT, ExecutionFact, ExecutionStatus
from runlore.serving.actions.recording import Submission, record_submission
from runlore.serving.queries.recording import digest_of
from runlore.store.engine import Store

NAMES = ("failed", "duration_s", "log_duration", "wait_s", "outcome.cost", "outcome.none")
LATEST_US = 7_000_000_000_000_000
instants = st.integers(0, LATEST_US)
maybe = st.one_of(st.just(NO_INSTANT), instants)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(-1e30, 1e30),
    st.sampled_from(["12", "a", "", "2026-01-01", "1e3"]),
)
results = st.builds(
    FactResult,
    status=st.sampled_from([str(status) for status in ExecutionStatus]),
    submitted_us=instants,
    started_us=maybe,
    finished_us=maybe,
    outcome=st.dictionaries(st.sampled_from(["cost", "note"]), scalars),
)


def frame_of(told: list[FactResult]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "status": [each.status for each in told],
            "submitted": np.array([each.submitted_us for each in told], dtype=np.int64),
            "started": np.array([each.started_us for each in told], dtype=np.int64),
            "finished": np.array([each.finished_us for each in told], dtype=np.int64),
            "outcome": [json.dumps(dict(each.outcome), sort_keys=True) for each in told],
        }
    )


@given(st.lists(results, min_size=1, max_size=20))
def test_one_outcome_tells_what_its_column_tells_bit_for_bit(told: list[FactResult]) -> None:
    table = measure(frame_of(told), NAMES).table
    alone = np.stack([each.measured(NAMES) for each in told])
    both = [np.where(np.isnan(each), np.nan, each).view(np.uint64) for each in (table, alone)]
    np.testing.assert_array_equal(*both)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
values = st.dictionaries(texts, scalars.filter(lambda value: value is not None), max_size=3)
facts = st.builds(
    ExecutionFact,
    source=st.just("api"),
    source_id=texts,
    actor=texts,
    kind=texts,
    scope=texts,
    submitted=instants.map(from_us),
    status=st.sampled_from(list(ExecutionStatus)),
    submission_known_at=instants.map(from_us),
    known_at=instants.map(from_us),
    started=st.one_of(st.none(), instants.map(from_us)),
    finished=st.one_of(st.none(), instants.map(from_us)),
    inputs=values,
    outcome=values,
)


@given(facts)
def test_one_fact_has_the_digest_that_its_column_has(fact: ExecutionFact) -> None:
    columns = {}
    for name in CONTENT:
        value = getattr(fact, name)
        if name in ("started", "finished"):
            columns[name] = pa.array([None if value is None else to_us(value)], pa.int64())
        elif name in ("inputs", "outcome"):
            text = json.dumps(
                dict(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False
            )
            columns[name] = pa.array([text])
        else:
            columns[name] = pa.array([str(value)])
    assert digest_of(fact) == content_digests(pa.table(columns))[0]
    assert digest_of(replace(fact, known_at=from_us(0))) == digest_of(fact)


def test_work_with_much_to_say_leaves_the_log_readable(store: Store) -> None:
    """Five megabytes, as much as a request may bring."""
    inputs = {f"input-{n}": "x" * 10_000 for n in range(500)}
    record_submission(store, Submission("ann", "build", "", inputs, source_id="large"))
    record_submission(store, Submission("bob", "build", "", source_id="small"))
    facts = read_facts(store)
    assert list(facts["source_id"]) == ["large", "small"]
    assert json.loads(facts["inputs"][0]) == inputs
