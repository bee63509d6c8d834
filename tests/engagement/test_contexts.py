"""Final contexts, beside a slow plain truth over the facts themselves."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from runlore.engagement.queries.contexts import ContextQuery, read_context, read_final_contexts
from runlore.engagement.rules.contexts import ContextPolicy, count_bots
from runlore.ingest.queries import facts
from runlore.kernel.errors import BadInput, NotFound
from runlore.store.engine import Store

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
POSTS, PERSONAS = 60, 3


def test_final_contexts_are_those_of_a_slow_reading_at_any_instant(store: Store) -> None:
    rows = list(_facts())
    _write(store, rows)
    for hours in (0, 30, 168, 200, 400, 1_000):
        as_of = START + hours * HOUR
        for policy in (ContextPolicy(), ContextPolicy(24.0, 0.2)):
            frame = read_final_contexts(store, ContextQuery(as_of, policy=policy))
            read = dict(zip(frame["context_id"], frame["engagement_rate"], strict=True))
            assert read == _slow(rows, as_of, policy), (hours, policy)
    assert len(frame) > POSTS / 6


def test_one_context_is_read_before_its_engagement_is_final(store: Store) -> None:
    _write(store, list(_facts()))
    early = ContextQuery(START + 2 * HOUR)
    one = read_context(store, "post-0", early).iloc[0]
    assert (one["is_final"], one["age_h"], one["persona"]) == (False, 1.0, "persona-0")
    assert (one["hour"], one["weekday"]) == (18.0, 0.0), "09:30 UTC is 18:30 in Tokyo, on a Monday"
    assert one["hashtags"] == ["sun", "sea"]
    assert (one["complexity_level"], one["has_media"]) == (3.0, 1.0)
    assert read_context(store, "log/post-0", early).iloc[0]["source"] == "log"
    with pytest.raises(NotFound, match="post-0"):
        read_context(store, "post-0", ContextQuery(START - HOUR))
    _write(store, [row | {"source": "other"} for row in _facts()][:1])
    with pytest.raises(BadInput, match="log, other"):
        read_context(store, "post-0", early)


def test_bots_are_counted_over_all_accounts(store: Store) -> None:
    _write(store, list(_facts()))
    frame = read_final_contexts(store, ContextQuery(START + 1_000 * HOUR))
    users, bots = frame["user_count"].sum(), frame["bot_count"].sum()
    assert count_bots(frame)["share"] == pytest.approx(bots / (users + bots))
    assert frame["bot_share"].max() <= 0.5


def _slow(rows: list[dict[str, Any]], as_of: datetime, policy: ContextPolicy) -> dict[str, float]:
    """Of each post the last final measurement that was known, if bots are few enough in it."""
    final: dict[str, float] = {}
    bots: dict[str, float] = {}
    for row in sorted(rows, key=lambda row: row["known_at"]):
        outcome = row["outcome"]
        if row["known_at"] > as_of or not isinstance(outcome.get("engagement_rate"), float):
            continue
        waited_h = (row["known_at"] - row["at"]) / HOUR
        at_end = row["known_at"] == row["at"]
        age_h = outcome.get("age_h", policy.maturity_h if at_end else waited_h)
        if age_h >= policy.maturity_h:
            final[row["id"]] = outcome["engagement_rate"]
            bots[row["id"]] = outcome["bot_count"] / (outcome["bot_count"] + outcome["user_count"])
    return {name: rate for name, rate in final.items() if bots[name] <= policy.most_bot_share}


def _facts() -> Iterator[dict[str, Any]]:
    """Measurements by age, some without one, some late and out of order, some not a number."""
    random = np.random.default_rng(5)
    for number in range(POSTS):
        at = START + number * HOUR
        ages = [1.0, 26.0, 170.0, 400.0][: 1 + number % 4]
        for order, age_h in enumerate(ages):
            outcome: dict[str, Any] = {
                "engagement_rate": round(float(random.uniform(0, 9)), 3),
                "user_count": 10,
                "bot_count": int(random.integers(0, 6 if number % 3 else 14)),
                "age_h": age_h,
            }
            if number % 5 == 3:
                del outcome["age_h"]
            if number % 7 == 6:
                outcome["engagement_rate"] = "n/a"
            known = at if number % 11 == 3 and not order else at + age_h * HOUR
            yield _fact(number, at, known, outcome)
        if number % 6 == 2:  # an early count that came late
            late = {"engagement_rate": 99.0, "user_count": 10, "bot_count": 0, "age_h": 3.0}
            yield _fact(number, at, at + 500 * HOUR, late)


def _fact(number: int, at: datetime, known: datetime, outcome: dict[str, Any]) -> dict[str, Any]:
    return {
        "source": "log",
        "id": f"post-{number}",
        "persona": f"persona-{number % PERSONAS}",
        "at": at,
        "known_at": known,
        "outcome": outcome,
    }


def _write(store: Store, rows: list[dict[str, Any]]) -> None:
    inputs = {
        "hashtags": "#Sun, sea",
        "has_media": True,
        "complexity": "HIGH",
        "timezone": "Asia/Tokyo",
        "content_length": "long",
    }
    at_us = pa.array([round(row["at"].timestamp() * 1e6) for row in rows])
    known_us = pa.array([round(row["known_at"].timestamp() * 1e6) for row in rows])
    columns = {
        "source": [row["source"] for row in rows],
        "source_id": [row["id"] for row in rows],
        "actor": [row["persona"] for row in rows],
        "kind": ["image"] * len(rows),
        "scope": ["instagram"] * len(rows),
        "inputs": [json.dumps(inputs)] * len(rows),
        **dict.fromkeys(("submitted", "started", "finished", "submission_known_at"), at_us),
        "status": ["succeeded"] * len(rows),
        "outcome": [json.dumps(row["outcome"]) for row in rows],
        "known_at": known_us,
    }
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    batch = facts.batch("executions", table)
    facts.ensure_partitions(store, batch)
    with store.connect() as connection:
        facts.add(connection, batch, datetime(2030, 1, 1, tzinfo=UTC))
