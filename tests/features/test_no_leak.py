"""Nothing that became known after an instant shows in a row of that instant."""

import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.features import matrix
from runlore.features.declaration import FeaturePlan, FeatureSet, HistoryFeatures
from tests.features.logs import START_US, VALUES, Row, at, busy_log, fact, frame, logs

HISTORIES = (
    HistoryFeatures((), VALUES, (3600.0,)),
    HistoryFeatures(("actor",), VALUES, (1.0, 600.0, 86_400.0)),
    HistoryFeatures(("actor", "inputs"), ("outcome.cost", "failed"), (60.0, 3600.0)),
    HistoryFeatures(("inputs.p", "kind"), ("wait_s",), (60.0,)),
)
TEXTS = ("actor", "kind", "scope")


def rows_by_name(facts: list[Row], plan: FeaturePlan) -> dict[str, bytes]:
    log = matrix.prepare(frame(facts))
    rows, _ = matrix.extract(log, plan)
    names = log.executions["source_id"]
    return {name: row.tobytes() for name, row in zip(names, rows, strict=True)}


def plan_before(facts: list[Row], us: int) -> FeaturePlan:
    log = matrix.prepare(frame(facts))
    return matrix.resolve(FeatureSet(HISTORIES), log, log.as_of_us <= us)


def submissions(facts: list[Row]) -> dict[str, int]:
    first: dict[str, int] = {}
    for each in facts:
        first.setdefault(each["source_id"], each["submission_known_at"])
    return first


@given(logs(), st.data())
@settings(max_examples=80)
def test_other_facts_later_on_change_no_bit_of_earlier_rows(facts, data):
    """What becomes known later is changed or left out; the first fact tells of the submission."""
    now = data.draw(st.sampled_from([at(s) for s in (0, 1, 5, 10, 60, 3000)]))
    plan, seen = plan_before(facts, now), set()
    changed: list[Row] = []
    for each in facts:
        is_first = each["source_id"] not in seen
        seen.add(each["source_id"])
        if max(each["known_at"], each["submission_known_at"]) <= now:
            changed.append(each)
        elif each["submission_known_at"] > now:
            if data.draw(st.booleans()):
                changed.append(each | dict.fromkeys(TEXTS, "z") | {"inputs": '{"p":[1],"q":"z"}'})
        elif is_first or data.draw(st.booleans()):
            later = {"known_at": each["known_at"] + data.draw(st.integers(0, 10**9))}
            later["status"] = data.draw(st.sampled_from(["failed", "running"]))
            changed.append(each | later | {"outcome": '{"cost":1e30}', "finished": now})
    before, after = rows_by_name(facts, plan), rows_by_name(changed, plan)
    for name, instant in submissions(facts).items():
        if instant <= now:
            assert before[name] == after[name], name


@given(logs(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_rows_in_the_frame_does_not_matter(facts, random):
    plan = plan_before(facts, START_US + 10**12)
    shuffled = random.sample(facts, len(facts))
    assert list(rows_by_name(shuffled, plan).items()) == list(rows_by_name(facts, plan).items())


def test_a_thousand_late_corrections_and_a_backfill_leave_earlier_rows_as_they_were():
    facts, now = busy_log(executions=4000), at(1500)
    plan = plan_before(facts, now)
    rng = np.random.default_rng(7)
    late = [
        facts[i] | {"revision": 9, "known_at": now + 1 + 7 * int(i), "status": "failed"}
        for i in rng.choice(len(facts), 1000, replace=False)
        if facts[i]["submitted"] <= now
    ]
    backfill = [
        fact(
            f"old{i}", 1500.1 + i, known_s=1600 + i, status="failed", actor="u1", inputs={"p": "x"}
        )
        for i in range(300)
    ]
    before, after = rows_by_name(facts, plan), rows_by_name(facts + late + backfill, plan)
    earlier = [name for name, instant in submissions(facts).items() if instant <= now]
    assert len(earlier) > 2900
    assert len(late) > 600
    assert digest(before, earlier) == digest(after, earlier)
    assert any(before[name] != after[name] for name in before.keys() - set(earlier))


def digest(rows: dict[str, bytes], names: list[str]) -> str:
    return hashlib.sha256(b"".join(rows[name] for name in names)).hexdigest()
