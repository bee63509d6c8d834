"""Pools: when they are open, and that each change is kept."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound
from runlore.planning.actions import pools
from runlore.planning.rules.pools.opening import open_spans, slot_hours
from runlore.planning.rules.pools.pool import WEEKDAYS, Pool, read_pool, write_pool
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve

__all__ = ["serve"]

OFFICE = Pool(
    "office",
    2.5,
    zone="Europe/Berlin",
    hours=dict.fromkeys(WEEKDAYS[:5], ("08:00-12:00", "13:00-17:30")),
    holidays="DE",
)
AT = datetime(2026, 11, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def minutes_open(pool: Pool, day: date) -> int:
    """By asking the clock on the wall each minute."""
    zone = ZoneInfo(pool.zone)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    count = 0
    for _ in range(55 * 60):
        wall = at.astimezone(zone)
        minute = 60 * wall.hour + wall.minute
        spans = pool.spans_of(wall.weekday())
        count += wall.date() == day and any(start <= minute < end for start, end in spans)
        at += MINUTE
    return count


@settings(max_examples=8)
@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    day=st.sampled_from(["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05"]),
    span=st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda pair: pair[0] < pair[1]),
)
def test_hours_are_those_that_a_clock_on_the_wall_counts(
    zone: str, day: str, span: tuple[int, int]
) -> None:
    start, end = span
    pool = Pool("p", 3, zone=zone, hours={"sun": (f"{start:02}:00-{end:02}:00",)})
    [found] = slot_hours(pool, date.fromisoformat(day), 1)
    assert found == pytest.approx(3 * minutes_open(pool, date.fromisoformat(day)) / 60)


def test_weekends_and_holidays_are_closed_and_the_rest_counts() -> None:
    week = slot_hours(OFFICE, date(2026, 12, 21), 7)  # 25 December is a Friday
    assert week.tolist() == [21.25] * 4 + [0, 0, 0]
    assert len(open_spans(OFFICE, date(2026, 12, 21), 7)) == 8
    always = open_spans(Pool("p", 1), date(2026, 1, 1), 365)
    assert always.shape == (1, 2)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"size": 0}, "size"),
        ({"size": float("nan")}, "size"),
        ({"size": True}, "size"),
        ({"size": "8"}, "size"),
        ({"name": " x"}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"zone": "Mars/North"}, "zone"),
        ({"zone": 5}, "zone"),
        ({"hours": {"mon": ["17:00-09:00"]}}, "hours"),
        ({"hours": {"mon": ["09:00-12:00", "11:00-13:00"]}}, "hours"),
        ({"hours": {"monday": []}}, "hours"),
        ({"hours": {"mon": []}}, "hours"),
        ({"hours": ["mon"]}, "hours"),
        ({"hours": {"mon": "09:00-17:00"}}, "hours"),
        ({"holidays": "XX"}, "holidays"),
        ({"holidays": ["soon"]}, "holidays"),
        ({"serves": "train"}, "serves"),
        ({"serves": [3]}, "serves"),
        ({"cost_per_hour": -1}, "cost_per_hour"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(change: dict, field: str) -> None:
    with pytest.raises(BadInput) as error:
        read_pool({"name": "p", "size": 1} | change)
    assert error.value.field == field


def test_a_pool_is_the_same_after_json() -> None:
    days = Pool("d", 1, holidays=(date(2026, 12, 24),))
    for pool in (OFFICE, days):
        assert read_pool(json.loads(json.dumps(write_pool(pool)))) == pool


def test_pools_are_known_as_they_were(store: Store) -> None:
    pools.set_pools(store, [Pool("gpu", 8), OFFICE], "ann", AT)
    assert pools.set_pools(store, [Pool("gpu", 8)], "ben", AT + MINUTE) == []
    pools.set_pools(store, [Pool("gpu", 12)], "ben", AT + 2 * MINUTE)
    pools.remove_pool(store, "office", "ann", AT + 3 * MINUTE)
    sizes = [
        [(one.pool.name, one.pool.size, one.actor) for one in pools.list_pools(store, at)]
        for at in (AT - MINUTE, AT + MINUTE, AT + 5 * MINUTE)
    ]
    assert sizes == [[], [("gpu", 8, "ann"), ("office", 2.5, "ann")], [("gpu", 12, "ben")]]
    with pytest.raises(NotFound, match="pools: gpu"):
        pools.remove_pool(store, "office", "ann", AT + 4 * MINUTE)
    with pytest.raises(BadInput, match="twice"):
        pools.set_pools(store, [Pool("a", 1), Pool("a", 2)], "ann", AT)


def test_command_and_http_declare_the_same_pools(
    store: Store,
    settings: Settings,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    file = tmp_path / "pools.json"
    file.write_text(json.dumps([write_pool(OFFICE), {"name": "team/a", "size": 1}]))
    done = CliRunner().invoke(app, ["plan", "pools", "--set", str(file), "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert shown["changed"] == ["office", "team/a"]
    service = serve(Serving((), store=store, live={}))
    for listed, row in zip(service.get("/pools").json()["pools"], shown["pools"], strict=True):
        assert listed | {"recorded_at": ""} == row | {"recorded_at": ""}
    answer = service.put("/pools/team/a", json={"size": 2, "actor": "ann"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["size"] == 2
    assert service.put("/pools/x", json={"size": 2, "zone": "Moon"}).json()["field"] == "zone"
    assert service.put("/pools/x", json={"size": 0}).status_code == 422
    assert service.put("/pools/a%00", json={"size": 2}).status_code == 422
    assert service.get("/pools?as_of=soon").status_code == 422
    assert service.delete("/pools/team/a").json() == {"name": "team/a", "is_removed": True}
    assert service.delete("/pools/team/a").status_code == 404
    file.write_text('[{"name": "a", "size": 1}, {"name": "b"}]')
    done = CliRunner().invoke(app, ["plan", "pools", "--set", str(file)])
    assert done.exit_code != 0
    assert "office" in CliRunner().invoke(app, ["plan", "pools"]).output
    assert [row["name"] for row in service.get("/pools").json()["pools"]] == ["office"]
