"""What the engagement models learn from: final counts as they became known, and no siblings."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from psycopg import sql

from runlore.engagement.actions.consent import without_opted_out
from runlore.features import known
from runlore.features.columns import measure
from runlore.features.keys import KeyParts
from runlore.features.log import Log, prepare
from runlore.features.matrix import extract
from runlore.kernel.errors import BadInput
from runlore.log.parsed_facts import facts_of
from runlore.privacy.queries.opt_outs import OptOut, insert_change
from runlore.records.execution import NO_INSTANT
from runlore.rollout.queries.evidence import _outcome
from runlore.simulate.content import ContentScenario, simulate_content
from runlore.specs.catalog import engagement, engagement_success
from runlore.store.engine import Store
from runlore.training.actions.extraction import extract_log, members, target_of

HOUR_US = 3_600_000_000
LATER = datetime(2030, 1, 1, tzinfo=UTC)
SUCCESS = engagement_success.SPEC


@pytest.fixture(scope="module")
def facts() -> pd.DataFrame:
    """Posts in four time zones; some ages are not said, some counts come late, some are bots'."""
    content = simulate_content(ContentScenario(personas=4, days=80, posts_per_day=1.0))
    table = content.facts().to_pylist()
    for number, fact in enumerate(table):
        outcome = json.loads(fact["outcome"])
        if number % 9 == 4:
            del outcome["age_h"]
        if number % 13 == 5:
            outcome["bot_count"] = 2 * outcome["user_count"] + 1
        fact["outcome"] = json.dumps(outcome)
        fact["inputs"] = json.dumps(
            json.loads(fact["inputs"]) | {"impressions": outcome["impressions"]}
        )
    late = [dict(fact) for fact in table if json.loads(fact["outcome"]).get("age_h") == 1.0][::7]
    for fact in late:
        fact["outcome"] = json.dumps({"engagement_rate": 99.0, "age_h": 2.0})
        fact["known_at"] += 500 * HOUR_US
    return facts_of([pa.Table.from_pylist(table + late)], LATER)


@pytest.fixture(scope="module")
def log(facts: pd.DataFrame) -> Log:
    return prepare(facts)


def test_targets_are_the_last_final_counts_of_a_slow_reading(facts: pd.DataFrame, log: Log) -> None:
    slow = _slow(facts)
    names = log.executions["source_id"].to_numpy()
    targets = dict(zip(names, target_of(log, engagement.SPEC), strict=True))
    assert {name: rate for name, rate in targets.items() if np.isfinite(rate)} == {
        name: rate for name, (rate, _) in slow.items()
    }
    reached = dict(zip(names, target_of(log, SUCCESS), strict=True))
    assert all(reached[name] == (rate >= 5) for name, (rate, _) in slow.items())
    assert 100 < len(slow) < len(names), "some are too young, unknown or bots'"

    extracted = extract_log(log, engagement.SPEC)
    taught = names[members(log, engagement.SPEC)]
    assert extracted.data.known_us.tolist() == [slow[name][1] for name in taught]
    age_h = (extracted.data.known_us - extracted.data.as_of_us) / HOUR_US
    assert age_h.min() >= 168, "nothing teaches before it is final"
    span_days = (extracted.data.as_of_us[-1] - extracted.data.as_of_us[0]) / 24 / HOUR_US
    assert span_days <= 90


def test_what_is_measured_with_the_engagement_is_no_input(log: Log) -> None:
    assert "impressions" in log.inputs
    for spec in (engagement.SPEC, SUCCESS):
        extracted = extract_log(log, spec)
        assert not {"inputs.impressions", "inputs.age_h"} & {*extracted.data.names}
        assert [decision.leak.input for decision in extracted.inputs.leaks] == ["impressions"]


def test_hours_are_those_of_the_audience_in_training_and_in_serving(log: Log) -> None:
    plan = extract_log(log, engagement.SPEC).plan
    assert plan.zone_input == "timezone"
    rows, _ = extract(log, plan)
    at = list(plan.names).index("hour")
    codes = tuple({w: n for n, w in enumerate(v.words)} for v in plan.categories)
    for row in range(0, len(rows), 17):
        inputs = json.loads(log.executions["inputs"].iloc[row])
        parts = (str(log.executions[name].iloc[row]) for name in ("actor", "kind", "scope"))
        subject = KeyParts(*parts, inputs=inputs)
        served = known.values(subject, int(log.as_of_us[row]), plan, codes)
        assert rows[row, at : at + 3] == pytest.approx(served[at : at + 3], abs=1e-4)
        local = pd.Timestamp(int(log.as_of_us[row]), unit="us", tz="UTC")
        local = local.tz_convert(inputs["timezone"])
        assert int(rows[row, at]) == local.hour
        assert rows[row, at + 1] == local.weekday()


def test_sql_and_columns_agree_on_what_is_mature(facts: pd.DataFrame, store: Store) -> None:
    chosen = facts.iloc[::5].reset_index(drop=True)
    for name in (engagement.MATURE, SUCCESS.question.of):
        query = sql.SQL(
            "SELECT {} FROM (SELECT %s::jsonb AS outcome, to_timestamp(%s / 1e6) AS submitted,"
            " to_timestamp(%s / 1e6) AS started, to_timestamp(%s / 1e6) AS finished,"
            " to_timestamp(%s / 1e6) AS known_at) AS came"
        ).format(_outcome(name))
        instants = ("submitted", "started", "finished", "known_at")
        with store.connect() as connection:
            answers = [
                connection.execute(
                    query, [row["outcome"], *(_or_none(row[at]) for at in instants)]
                ).fetchone()
                for row in chosen.to_dict("records")
            ]
        values = [np.nan if row is None or row[0] is None else row[0] for row in answers]
        assert values == pytest.approx(measure(chosen, [name]).table[:, 0].tolist(), nan_ok=True)


def test_a_persona_that_opted_out_teaches_nothing(log: Log, store: Store) -> None:
    out = "persona-02"
    with store.connect() as connection:
        insert_change(connection, OptOut(LATER, out, True, "ann", "asked by mail"))
    spec = without_opted_out(store, engagement.SPEC)
    actors = set(log.executions["actor"].iloc[members(log, spec)])
    assert out not in actors
    assert len(actors) == 3
    vocabulary = {word for v in extract_log(log, spec).plan.categories for word in v.words}
    assert out not in vocabulary


def test_a_threshold_outside_of_the_percents_is_refused() -> None:
    assert engagement_success.success_spec(2.5).question.of.endswith(">=2.5")
    with pytest.raises(BadInput, match="threshold: 0 %"):
        engagement_success.success_spec(0)


def _slow(facts: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """Of each post the last final rate of real users, and when it became known."""
    final: dict[str, tuple[float, int]] = {}
    for row in facts.sort_values("known_at", kind="stable").to_dict("records"):
        outcome: dict[str, Any] = json.loads(row["outcome"])
        waited_h = (row["known_at"] - row["started"]) / HOUR_US
        users, bots = outcome.get("user_count", 0), outcome.get("bot_count", 0)
        is_trusted = not bots or bots <= 0.5 * (users + bots)
        if outcome.get("age_h", waited_h) >= 168 and is_trusted:
            final[row["source_id"]] = (outcome["engagement_rate"], row["known_at"])
    return final


def _or_none(us: int) -> int | None:
    return None if us == NO_INSTANT else us
