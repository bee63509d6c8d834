"""Points come in over HTTP: as JSON, and by remote write."""

import json
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from bentos.predict.live_versions import Serving
from runlore.signals.actions.forecasting import list_series
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.remote_write_bodies import V1, V2, field, request_v1, request_v2, snappy, varint

__all__ = ["serve"]

NOW = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251
NOW_MS = int(NOW.timestamp()) * 1_000
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
UP = {"__name__": "up", "instance": "web-1", "job": "node"}


@pytest.fixture
def client(serve: Serve, store: Store) -> httpx.Client:
    return serve(Serving((), store=store))


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    with store.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def points(store: Store) -> list[tuple[Any, ...]]:
    query = "SELECT name, scope, at, revision, value FROM runlore.metrics ORDER BY 1, 2, 3, 4"
    return rows(store, query)


def body(*values: float, **changed: object) -> dict[str, Any]:
    listed = [
        {"at": (NOW - timedelta(minutes=place)).isoformat(), "value": value}
        for place, value in enumerate(values)
    ]
    return {"source": "own", "series": [{"name": "disk", "scope": "a", "points": listed} | changed]}


def test_points_are_recorded_once_and_corrected_beside_the_first(
    client: httpx.Client, store: Store
) -> None:
    first = client.post("/metrics/points", json=body(1.0, 2.0, kind="counter", unit="s"))
    again = client.post("/metrics/points", json=body(1.0, 2.0))
    other = client.post("/metrics/points", json=body(1.0, 3.0))
    assert [one.status_code for one in (first, again, other)] == [201, 200, 201]
    assert first.json() == {
        "recorded": 2, "known": 0, "new_series": 1, "rejected": 0, "rejects": []
    }  # fmt: skip
    assert (again.json()["known"], other.json()["recorded"]) == (2, 1)
    assert [one[3:] for one in points(store)] == [(0, 2.0), (1, 3.0), (0, 1.0)]
    assert rows(store, "SELECT kind, unit FROM runlore.series") == [("counter", "s")]
    (listed,) = list_series(store)
    assert (listed.first_at, listed.last_at) == (NOW - timedelta(minutes=1), NOW)


def test_refused_points_are_named_and_the_others_stay(client: httpx.Client, store: Store) -> None:
    sent = body(1.0, float("nan"))
    sent["series"][0]["points"].append({"at": "1999-01-01T00:00:00Z", "value": 1.0})
    answer = client.post("/metrics/points", content=json.dumps(sent))
    reasons = [one["reason"].partition(":")[0] for one in answer.json()["rejects"]]
    assert (answer.status_code, answer.json()["recorded"], reasons) == (201, 1, ["value", "at"])
    assert len(points(store)) == 1


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        (body(1.0, name=""), "series.0.name"),
        (body(1.0, kind="histogram"), "series.0.kind"),
        (body(), "series.0.points"),
        (body(1.0, labels={"a": 1}), "series.0.labels.a"),
        ({"series": "x"}, "series"),
        (body(1.0, more=1), "series.0.more"),
        (body(1.0) | {"source": "executions"}, "source"),
    ],
)
def test_a_wrong_field_is_named(client: httpx.Client, sent: Any, named: str) -> None:
    answer = client.post("/metrics/points", json=sent)
    assert (answer.status_code, answer.json()["field"]) == (422, named)


def test_remote_write_keeps_samples_of_both_versions(client: httpx.Client, store: Store) -> None:
    old = [(UP, [(NOW_MS - 2_000, 1.0), (NOW_MS, STALE)])]
    new = [(UP, [(NOW_MS - 1_000, 0.0), (NOW_MS - 2_000, 1.0)])]
    first = client.post("/api/v1/write", content=request_v1(old), headers=V1)
    second = client.post("/api/v1/write", content=request_v2(new, 1, "s"), headers=V2)
    assert (first.status_code, second.status_code) == (204, 204), first.text + second.text
    assert second.headers["X-Prometheus-Remote-Write-Samples-Written"] == "2"
    kept = [(name, scope, value) for name, scope, _, _, value in points(store)]
    assert kept == [('up{job="node"}', "web-1", 1.0), ('up{job="node"}', "web-1", 0.0)]
    catalog = rows(store, "SELECT kind, unit, labels->>'__name__' FROM runlore.series")
    assert catalog == [("counter", "s", "up")]


def test_what_remote_write_refuses_is_said_and_the_rest_is_kept(
    client: httpx.Client, store: Store
) -> None:
    series = [({"job": "x"}, [(NOW_MS, 1.0)]), (UP, [(NOW_MS, float("inf")), (NOW_MS + 1, 2.0)])]
    answer = client.post("/api/v1/write", content=request_v1(series), headers=V1)
    assert answer.status_code == 400
    assert "__name__" in answer.text
    assert "finite" in answer.text
    assert [one[4] for one in points(store)] == [2.0]


HOSTILE = {
    "not snappy": b"\xff" * 40,
    "nothing": b"",
    "no protobuf": snappy(b"\x0b" * 100),
    "a field longer than the body": snappy(b"\x0a" + varint(1 << 40)),
    "a varint without an end": snappy(b"\x80" * 30),
    "a huge length": varint(1 << 31) + b"\x00" * 10,
    "a lie about the length": varint(1 << 20) + b"\x04abcde",
    "a million empty series": snappy(field(1, b"") * 1_000_000),
    "wrong types": snappy(field(1, field(1, field(1, b"__name__") + field(2, b"\xff\xfe")))),
    "samples that are text": snappy(field(1, field(2, b"hello"))),
    "an absurd instant": request_v1([(UP, [(1 << 60, 1.0), (-(1 << 40), 1.0), (1 << 51, 1.0)])]),
    "a label beyond all bounds": request_v1([(UP | {"path": "x" * 100_000}, [(NOW_MS, 1.0)])]),
    "no number": request_v1([(UP, [(NOW_MS, float("nan"))])]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused_and_nothing_is_recorded(
    client: httpx.Client, store: Store, name: str
) -> None:
    answer = client.post("/api/v1/write", content=HOSTILE[name], headers=V1)
    assert answer.status_code in (400, 413, 204 if name == "nothing" else 400), answer.text
    assert points(store) == []
    good = client.post("/api/v1/write", content=request_v1([(UP, [(NOW_MS, 1.0)])]), headers=V1)
    assert (good.status_code, len(points(store))) == (204, 1)


def test_other_types_and_encodings_are_not_taken(client: httpx.Client) -> None:
    sent = request_v1([(UP, [(NOW_MS, 1.0)])])
    for changed in (
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"},
        {"Content-Encoding": "gzip"},
    ):
        answer = client.post("/api/v1/write", content=sent, headers=V1 | changed)
        assert answer.status_code == 415, changed


def test_new_series_beyond_the_bound_are_refused_and_known_ones_go_on(
    serve: Serve, store: Store
) -> None:
    client = serve(Serving((), store=store), max_series=2)
    labels = [UP | {"path": str(place)} for place in range(3)]
    sent = [(one, [(NOW_MS, 1.0)]) for one in labels]
    answer = client.post("/api/v1/write", content=request_v1(sent), headers=V1)
    assert answer.status_code == 400
    assert "RUNLORE_MAX_SERIES" in answer.text
    more = request_v1([(one, [(NOW_MS - 1_000, 1.0)]) for one in labels[:2]])
    assert client.post("/api/v1/write", content=more, headers=V1).status_code == 204
    assert rows(store, "SELECT count(*) FROM runlore.series") == [(2,)]
    assert len(points(store)) == 4


def test_a_writer_notices_what_others_changed_in_the_catalog(
    client: httpx.Client, store: Store
) -> None:
    client.post("/metrics/points", json=body(1.0, kind="counter", unit="s"))
    for change in ("UPDATE runlore.series SET kind = 'gauge'", "DELETE FROM runlore.series"):
        with store.begin() as connection:
            connection.execute(text(change))
        client.post("/metrics/points", json=body(1.0, kind="counter", unit="s"))
        assert rows(store, "SELECT name, kind, unit FROM runlore.series") == [
            ("disk", "counter", "s")
        ]
