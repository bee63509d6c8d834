"""When series in the store reach their limits: by command, HTTP and alert."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.alerts.queries.anomalies import read_open
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound
from runlore.settings import Settings
from runlore.signals.actions.forecasting import SeriesName
from runlore.signals.actions.limit_alerts import watch_limits
from runlore.signals.actions.limits import SeriesLimit, forecast_limit, forecast_limits
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.points import START, write_points

__all__ = ["serve"]

HOURS = 24 * 20
NOW = START + timedelta(hours=HOURS - 1)
DISKS = SeriesSpec("disks", series="disk*", limit=100.0, lead_s=5 * 86_400.0)
QUIET = SeriesSpec("quiet", series="load", limit=90.0)


@pytest.fixture
def disks(store: Store) -> Store:
    """A disk that is full after 100 hours, and a load that goes nowhere."""
    noise = np.random.default_rng(4).normal(0, 1, HOURS)
    write_points(store, 100 - 0.1 * np.arange(HOURS + 99, 99, -1.0), name="disk_used")
    write_points(store, 50 + noise, name="load")
    return store


def test_a_straight_line_crosses_where_algebra_says(disks: Store) -> None:
    made = forecast_limit(disks, [DISKS], SeriesName("disk_used"), NOW)
    full = NOW + timedelta(hours=100)
    for step in (made.crossing.early, made.crossing.median, made.crossing.late):
        at = made.at(step)
        assert at is not None
        assert abs(at - full) <= timedelta(seconds=made.past.step_s)
    halved = forecast_limit(disks, [], SeriesName("disk_used"), NOW, SeriesLimit(95.0))
    assert abs((halved.at(halved.crossing.median) or NOW) - NOW - timedelta(hours=50)) <= timedelta(
        seconds=halved.past.step_s
    )


def test_what_came_later_is_not_known(disks: Store) -> None:
    then = NOW - timedelta(hours=200)
    write_points(disks, np.full(10, 3.0), name="disk_used", revision=1, known_at=NOW)
    made = forecast_limit(disks, [DISKS], SeriesName("disk_used"), then)
    assert abs((made.at(made.crossing.median) or NOW) - then - timedelta(hours=300)) <= timedelta(
        seconds=2 * made.past.step_s
    )


def test_an_alert_stands_while_the_limit_is_near(disks: Store) -> None:
    def open_subjects(specs: Sequence[SeriesSpec]) -> list[str]:
        watch_limits(disks, specs, NOW)
        with disks.begin() as connection:
            return [alert.subject for alert in read_open(connection, "limit")]

    assert open_subjects([DISKS, QUIET]) == ["disk_used of web-1"]
    assert open_subjects([DISKS, QUIET]) == ["disk_used of web-1"]
    write_points(disks, np.linspace(60, 30, HOURS), name="disk_used", revision=1, known_at=NOW)
    assert open_subjects([DISKS, QUIET]) == []
    assert open_subjects([SeriesSpec("low", series="disk*", limit=25.0, limit_side="below")]) != []
    assert open_subjects([]) == []


def test_a_silent_series_neither_raises_nor_resolves(disks: Store) -> None:
    watch_limits(disks, [DISKS], NOW)
    assert watch_limits(disks, [DISKS], NOW + timedelta(days=30)) == []
    with disks.begin() as connection:
        assert len(read_open(connection, "limit")) == 1
    [made] = forecast_limits(disks, [DISKS], NOW + timedelta(days=30))
    assert (made.crossing.state, made.crossing.early) == ("withheld", None)
    assert "no point came for" in made.crossing.reason


def test_command_and_http_say_the_same(
    disks: Store,
    settings: Settings,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", disks.url)
    as_of, picture = NOW.isoformat(), tmp_path / "disk.png"
    words = ["signals", "limit", "disk_used", "--at", "100", "--as-of", as_of]
    done = CliRunner().invoke(app, [*words, "--json", "--plot", str(picture)])
    assert done.exit_code == 0, done.output
    assert picture.stat().st_size > 1_000
    service = serve(Serving((), store=disks, live={}))
    answer = service.get("/signals/limits/disk_used", params={"at": 100, "as_of": as_of})
    assert answer.status_code == 200, answer.text
    shown = json.loads(done.stdout)
    assert shown["state"] == answer.json()["state"] == "expected"
    assert shown["finding"] == answer.json()["finding"]
    assert "reaches 100 about" in CliRunner().invoke(app, words).output
    assert service.get("/signals/limits", params={"as_of": as_of}).json() == {"limits": []}
    quiet = ["signals", "limit", "load", "--at", "90", "--as-of", as_of]
    assert "no crossing of 90 within" in CliRunner().invoke(app, quiet).output


def test_bad_words_are_refused_by_name(disks: Store, settings: Settings, serve: Serve) -> None:
    service = serve(Serving((), store=disks, live={}))
    for query, field in [
        ("at=x", "at"),
        ("at=inf", "at"),
        ("at=1&side=left", "side"),
        ("at=1&days=-1", "days"),
        ("at=1&days=9999", "days"),
        ("at=1&as_of=soon", "as_of"),
        ("", "at"),
    ]:
        refused = service.get(f"/signals/limits/disk_used?{query}")
        assert refused.status_code in {400, 422}, query
        assert field in refused.text
    assert service.get("/signals/limits/nope?at=1").status_code == 404
    with pytest.raises(NotFound):
        forecast_limit(disks, [], SeriesName("nope"), NOW)
    with pytest.raises(BadInput):
        forecast_limit(disks, [], SeriesName("load"), NOW)
    with pytest.raises(BadInput):
        forecast_limit(disks, [], SeriesName("load"), NOW, SeriesLimit(float("nan")))
