"""What those hear who watch live: an event is written in the transaction that it is about.

It gets its number after the commit, from `runlore.live`: numbers follow the order of commits.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from runlore.kernel.json_values import as_json
from runlore.store.notices import EVENTS_DUE

MOST_TEXT = 300  # characters of one text of an event
MOST_ITEMS = 10  # of one list of an event
PUT = """
WITH event AS (
    INSERT INTO runlore.live_outbox (topic, subject, data)
    VALUES ({0}topic{1}, {0}subject{1}, CAST({0}data{1} AS jsonb))
)
SELECT pg_notify('{channel}', '')
"""
PUT_BY_SQLALCHEMY = text(PUT.format(":", "", channel=EVENTS_DUE))
PUT_BY_PSYCOPG = PUT.format("%(", ")s", channel=EVENTS_DUE)


class Topic(StrEnum):
    """What an event is about; clients subscribe by these."""

    PREDICTIONS = "predictions"
    SCORES = "scores"
    ANOMALIES = "anomalies"
    ALERTS = "alerts"
    ROLLOUTS = "rollouts"
    INGESTS = "ingests"
    TRAININGS = "trainings"
    AGENTS = "agents"


def publish(
    connection: "Connection | psycopg.Connection[Any]",
    topic: Topic,
    subject: str,
    data: Mapping[str, object],
) -> None:
    """Write an event; it exists if and only if the transaction of the connection commits.

    subject: a spec, a source, an alert's subject. data: small; long texts and lists are cut.
    """
    values = {"topic": topic.value, "subject": _short(subject), "data": _document(data)}
    if isinstance(connection, psycopg.Connection):
        connection.execute(PUT_BY_PSYCOPG, values)
    else:
        connection.execute(PUT_BY_SQLALCHEMY, values)


def _document(data: Mapping[str, object]) -> str:
    return json.dumps(_short(as_json(data)), allow_nan=False, default=str)


def _short(value: Any) -> Any:  # noqa: ANN401  (whatever JSON holds)
    """The value with its long texts and lists cut, and without what PostgreSQL cannot hold.

    >>> _short({"reasons": ["x" * 400]})["reasons"][0][-3:], _short("a\\0b")
    ('xx…', 'a\\ufffdb')
    """
    if isinstance(value, str):
        clean = value.replace("\x00", "\ufffd")
        return clean if len(clean) <= MOST_TEXT else f"{clean[: MOST_TEXT - 1]}…"
    if isinstance(value, dict):
        return {_short(name): _short(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value[:MOST_ITEMS]]
    return value
