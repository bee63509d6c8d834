"""Forecasts of series in the store: by command and HTTP, from what was known then."""

import json
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import insert
from typer.testing import CliRunner, Result

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.settings import Settings
from runlore.signals.actions.forecasting import SeriesName, forecast_series, list_series
from runlore.store import schema
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.points import END, START, STEPS, day_and_night, write_points

__all__ = ["serve"]

CPU = SeriesName("cpu", "web-1")


@pytest.fixture
def filled(store: Store) -> Store:
    write_points(store, day_and_night())
    return store


def test_series_are_listed_by_name_with_their_ends(filled: Store) -> None:
    write_points(filled, np.array([1.0, 2.0]), scope="web-2")
    write_points(filled, np.array([3.0]), name="a")
    listed = [(one.name, one.scope, one.first_at, one.last_value) for one in list_series(filled)]
    assert [one[:2] for one in listed] == [("a", "web-1"), ("cpu", "web-1"), ("cpu", "web-2")]
    assert listed[2][2:] == (START, 2.0)
    assert [one.name for one in list_series(filled, "cpu")] == ["cpu", "cpu"]


def test_a_forecast_begins_where_the_points_end(filled: Store) -> None:
    made = forecast_series(filled, CPU, END, 6 * 3_600.0)
    assert made.ahead.start_us == END.timestamp() * 1_000_000
    assert len(made.ahead.value) == 6
    expected = 20 + 5 * np.sin(np.arange(STEPS, STEPS + 6) * 2 * np.pi / 24)
    assert np.abs(made.ahead.value - expected).max() < 1.5


def test_only_what_was_known_then_counts(filled: Store) -> None:
    """Later points, a correction that came later, and an undo that came later change nothing."""
    then = START + timedelta(days=10)
    before = forecast_series(filled, CPU, then)
    write_points(filled, np.full(48, 99.0), known_at=END, revision=1)
    later = forecast_series(filled, CPU, then)
    assert (later.ahead.value == before.ahead.value).all()
    assert later.past.end_us == before.past.end_us <= then.timestamp() * 1_000_000 + 3_600_000_000
    corrected = forecast_series(filled, CPU, END)
    assert (corrected.past.values[:48] == 99.0).all()


def test_undone_points_are_known_until_the_undo(filled: Store) -> None:
    undone_at = END + timedelta(days=1)
    with filled.begin() as connection:
        withdrawal = connection.scalars(
            insert(schema.withdrawals)
            .values(
                known_at=undone_at,
                source="collectd",
                executions=0,
                metrics=STEPS,
                actor="ann",
                reason="",
            )
            .returning(schema.withdrawals.c.id)
        ).one()
        names = [column.name for column in schema.metrics.columns]
        moved = schema.metrics.select().with_only_columns(*schema.metrics.columns)
        rows = [dict(zip(names, row, strict=True)) for row in connection.execute(moved)]
        connection.execute(
            insert(schema.withdrawn_metrics), [row | {"withdrawal_id": withdrawal} for row in rows]
        )
        connection.execute(schema.metrics.delete())
    write_points(filled, np.array([1.0]), scope="web-1", first=END + timedelta(days=2))
    assert len(forecast_series(filled, CPU, END).past.values) == STEPS
    with pytest.raises(Refused, match="0 points were known"):
        forecast_series(filled, CPU, undone_at)


def test_a_name_that_is_not_enough_is_refused_with_the_choices(filled: Store) -> None:
    write_points(filled, day_and_night(), scope="web-2")
    with pytest.raises(BadInput, match="name one of: web-1, web-2") as caught:
        forecast_series(filled, SeriesName("cpu"), END)
    assert caught.value.field == "scope"
    with pytest.raises(NotFound, match="signals list"):
        forecast_series(filled, SeriesName("nope"), END)
    with pytest.raises(NotFound, match="that name is there for: web-1"):
        forecast_series(filled, SeriesName("cpu", "web-9"), END)


@pytest.mark.parametrize(
    ("horizon_s", "level", "field"), [(1e9, 0.9, "horizon"), (3_600.0, 1.5, "level")]
)
def test_what_cannot_be_asked_is_refused_by_its_field(
    filled: Store, horizon_s: float, level: float, field: str
) -> None:
    with pytest.raises(BadInput) as caught:
        forecast_series(filled, CPU, END, horizon_s, level)
    assert caught.value.field == field


@pytest.fixture
def run(filled: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", filled.url)
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()


def test_the_command_prints_and_draws_the_forecast(run: CliRunner, tmp_path: Path) -> None:
    picture = tmp_path / "cpu.png"
    done = run.invoke(app, ["forecast", "cpu", "--plot", str(picture)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("cpu of web-1, the next 24 h: ")
    assert picture.read_bytes().startswith(b"\x89PNG")
    for silent in (["--no-record"], ["--at", END.isoformat()]):
        assert run.invoke(app, ["forecast", "cpu", *silent]).exit_code == 0
    [asked] = _json(run.invoke(app, ["signals", "skill", "--json"]))["series"]
    assert (asked["spec"], asked["name"], asked["forecasts"]) == ("on request", "cpu", 1)
    listed = run.invoke(app, ["signals", "list"])
    assert "web-1" in listed.stdout


def test_command_and_http_say_the_same(run: CliRunner, filled: Store, serve: Serve) -> None:
    at = END.isoformat()
    said = _json(run.invoke(app, ["forecast", "cpu", "--hours", "3", "--at", at, "--json"]))
    service = serve(Serving((), store=filled, live={}))
    answer = service.get("/forecasts/cpu", params={"hours": 3, "at": at})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [point["value"] for point in body["points"]] == [p["value"] for p in said["points"]]
    assert body["gain"] == said["gain"]
    assert service.get("/signals/series").json()["series"][0]["name"] == "cpu"


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("hours=x", 422, "hours"),
        ("hours=-1", 422, "hours"),
        ("hours=nan", 422, "hours"),
        ("hours=1e300", 422, "horizon"),
        ("level=2", 422, "level"),
        ("at=yesterday", 422, "at"),
        ("scope=web-9", 404, None),
    ],
)
def test_a_wrong_request_names_its_field(
    filled: Store, serve: Serve, query: str, status: int, field: str | None
) -> None:
    service: httpx.Client = serve(Serving((), store=filled, live={}))
    answer = service.get(f"/forecasts/cpu?{query}")
    assert answer.status_code == status, answer.text
    assert field is None or field in answer.text


def _json(done: Result) -> dict[str, object]:
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)
