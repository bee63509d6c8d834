"""Forecasts on the ledger: issued once, scored once, by what was known; bounds are kept."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel.errors import Misconfigured
from runlore.settings import Settings
from runlore.signals import queries
from runlore.signals.actions import forecasting, issued_forecasts
from runlore.signals.actions.forecasting import ForecastRequest
from runlore.signals.rules.forecasts.forecasting import Bounds, forecast
from runlore.signals.rules.series.grid import SeriesGrid
from runlore.specs import loading
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.points import END, day_and_night, write_points

__all__ = ["serve"]

HOUR_S = 3_600.0
SPEC = SeriesSpec("load", series="cpu*", horizons_s=(24 * HOUR_S, 10_000 * HOUR_S))
DAY = timedelta(days=1)


@pytest.fixture
def filled(store: Store) -> Store:
    write_points(store, day_and_night())
    write_points(store, day_and_night(), name="other")
    return store


def _later(store: Store) -> np.ndarray:
    """What came in the day after, with a gap of two hours."""
    actual = 20 + np.arange(24.0)
    write_points(store, actual[:10], first=END)
    write_points(store, actual[12:], first=END + timedelta(hours=12))
    return np.concatenate([actual[:10], [np.nan, np.nan], actual[12:]])


def test_each_series_of_a_spec_is_forecast_once_and_scored_once(filled: Store) -> None:
    [first] = issued_forecasts.issue(filled, [SPEC], END)
    assert (first.series, first.issued, first.refused, first.fresh) == (1, 1, 1, 0)
    [again] = issued_forecasts.issue(filled, [SPEC], END + timedelta(hours=5))
    assert (again.issued, again.refused, again.fresh) == (0, 0, 2)
    assert issued_forecasts.score(filled, END + timedelta(hours=23)) == 0
    actual = _later(filled)
    assert issued_forecasts.score(filled, END + DAY) == 1
    assert issued_forecasts.score(filled, END + DAY) == 0
    short, long = issued_forecasts.read_skill(filled, "cpu")
    wanted = forecasting.SeriesName("cpu")
    ahead = forecasting.forecast_series(filled, wanted, END - timedelta(microseconds=1)).ahead
    seen = np.isfinite(actual)
    assert (short.scored, short.points) == (1, 22)
    assert short.error == pytest.approx(np.abs(ahead.value - actual)[seen].mean())
    assert short.baseline_error == pytest.approx(np.abs(ahead.baseline - actual)[seen].mean())
    inside = ((ahead.low <= actual) & (actual <= ahead.high))[seen].mean()
    assert short.coverage == pytest.approx(inside)
    assert long.scored == 0
    assert long.error is None
    assert "too few to check" in long.note or "can be forecast" in long.note


def test_a_series_that_ended_is_scored_by_what_there_is_after_a_while(filled: Store) -> None:
    issued_forecasts.issue(filled, [SPEC], END)
    write_points(filled, np.array([20.0]), first=END)
    assert issued_forecasts.score(filled, END + DAY) == 0
    assert issued_forecasts.score(filled, END + DAY + timedelta(hours=6)) == 1
    assert issued_forecasts.read_skill(filled, "cpu")[0].points == 1


def test_of_two_runs_at_once_one_issues(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run begins and ends while the first one computes."""
    real, later = forecasting.forecast_stored, END + timedelta(minutes=1)

    def slowly(*arguments: object) -> object:
        monkeypatch.setattr(forecasting, "forecast_stored", real)
        issued_forecasts.issue(filled, [SPEC], END)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(forecasting, "forecast_stored", slowly)
    issued_forecasts.issue(filled, [SPEC], later)
    assert [one.forecasts for one in issued_forecasts.read_skill(filled, "cpu")] == [1, 1]


def test_forecasts_that_wait_for_points_stop_nobody_behind_them(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = SeriesSpec("all", horizons_s=(24 * HOUR_S,))
    issued_forecasts.issue(filled, [every], END)
    write_points(filled, day_and_night()[:24], name="other", first=END)
    monkeypatch.setattr(issued_forecasts, "SCORED_AT_ONCE", 1)
    assert issued_forecasts.score(filled, END + DAY) == 1


def test_a_run_that_was_killed_is_completed_by_the_next_one(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = SeriesSpec("all", horizons_s=(24 * HOUR_S,))
    real = forecasting.forecast_stored

    def dies(store: Store, series: queries.StoredSeries, *rest: object) -> object:
        if series.name == "other":
            raise KeyboardInterrupt
        return real(store, series, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(forecasting, "forecast_stored", dies)
    with pytest.raises(KeyboardInterrupt):
        issued_forecasts.issue(filled, [every], END)
    monkeypatch.undo()
    [outcome] = issued_forecasts.issue(filled, [every], END)
    assert (outcome.issued, outcome.fresh) == (1, 1)


def test_a_fine_series_is_forecast_by_longer_steps(store: Store) -> None:
    """Thirty days of minutes are too many steps; hours are not."""
    write_points(store, day_and_night()[:144].repeat(60), step=timedelta(minutes=1))
    series = forecasting.find_series(store, forecasting.SeriesName("cpu"))
    request = ForecastRequest(DAY.total_seconds(), most_steps=96)
    made = forecasting.forecast_stored(store, series, END, request)
    assert made.ahead.step_s == 900
    assert len(made.ahead.value) == 96


def test_forecasts_and_bands_stay_within_the_bounds() -> None:
    rng = np.random.default_rng(3)
    disk = np.minimum(60 + np.arange(400) * 0.1 + rng.normal(0, 2, 400), 100.0)
    grid = SeriesGrid(0, 3_600, disk)
    free = forecast(grid, 48, 0.9)
    assert max(free.high.max(), free.value.max()) > 100
    held = forecast(grid, 48, 0.9, Bounds(0.0, 100.0))
    for values in (held.value, held.low, held.high):
        assert values.min() >= 0
        assert values.max() <= 100
    assert (held.low <= held.value).all()
    assert (held.value <= held.high).all()


@pytest.mark.parametrize(
    "wrong", [{"horizons_s": ()}, {"level": 1.0}, {"lower": 5.0, "upper": 5.0}]
)
def test_a_spec_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Misconfigured, match="load"):
        SeriesSpec("load", **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["nowhere:SPEC", "", "runlore.specs.catalog.duration:SPEC"])
def test_a_setting_that_names_no_series_spec_is_refused(wrong: str) -> None:
    with pytest.raises(Misconfigured, match="RUNLORE_SERIES_SPECS"):
        loading.every_series_spec(Settings(series_specs=(wrong,)))


def test_commands_and_http_show_the_skill(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, filled: Store, serve: Serve
) -> None:
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path))
    monkeypatch.setenv("RUNLORE_DATABASE_URL", filled.url)
    run = CliRunner()
    empty = run.invoke(app, ["signals", "skill"])
    assert "runlore signals issue" in empty.stdout
    specs = json.loads(run.invoke(app, ["signals", "specs", "--json"]).stdout)["specs"]
    assert [one["name"] for one in specs] == ["all-series"]
    done = run.invoke(app, ["signals", "issue", "--json"])
    assert done.exit_code == 0, done.output
    [made] = json.loads(done.stdout)["specs"]
    assert (made["series"], made["issued"] + made["refused"]) == (2, 6)
    said = json.loads(run.invoke(app, ["signals", "skill", "--json"]).stdout)["series"]
    service = serve(Serving((), store=filled, live={}))
    answer = service.get("/signals/skill")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["series"]) == len(said) == 6
    only = service.get("/signals/skill", params={"name": "cpu"}).json()["series"]
    assert {one["name"] for one in only} == {"cpu"}
