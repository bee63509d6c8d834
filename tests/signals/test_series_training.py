"""Series specs are trained, judged, registered and issued from; what drifts is trained again."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from runlore.cli import app
from runlore.kernel.errors import Misconfigured, Refused
from runlore.registry import Registry, connect
from runlore.registry.champions import fetch_champion
from runlore.settings import Settings
from runlore.signals.actions import (
    forecasting,
    issued_forecasts,
    series_champions,
    series_retraining,
    series_run,
    series_training,
)
from runlore.signals.actions.forecasting import ForecastRequest
from runlore.signals.actions.series_champions import SeriesChampion
from runlore.signals.actions.series_retraining import SeriesTraining
from runlore.signals.queries import forecast_ledger
from runlore.signals.rules.forecasts import holdout, rolling_origin
from runlore.signals.rules.forecasts.forecast_drift import ForecastWindow, judge_drift
from runlore.signals.rules.forecasts.forecast_gates import HorizonEvidence, judge_forecasters
from runlore.signals.rules.forecasts.forecasting import apply, learn
from runlore.signals.rules.forecasts.series_model import (
    PromisedSkill,
    SeriesModel,
    StoredForecaster,
)
from runlore.signals.rules.series.grid import SeriesGrid
from runlore.signals.views import skill_rows
from runlore.specs import loading
from runlore.specs.series_spec import ForecastDrift, ForecastGates, SeriesSpec
from runlore.store.engine import Store
from tests.signals.points import END, day_and_night, write_points

DAY = timedelta(days=1)
DAY_S = 86_400.0
SPEC = SeriesSpec("all-series", horizons_s=(DAY_S,))
PERSON = SeriesTraining("person", "a test")


@pytest.fixture
def registry(store: Store, tmp_path: Path) -> Iterator[Registry]:
    """MLflow's tables outlive a test: what points at a champion is taken away."""
    opened = connect(Settings(home=tmp_path), store)
    opened.remove_alias(SPEC.name, "champion")
    yield opened
    opened.remove_alias(SPEC.name, "champion")


@pytest.fixture
def filled(store: Store) -> Store:
    write_points(store, day_and_night())
    write_points(store, day_and_night(2.0) * np.linspace(1, 2, 360), name="disk")
    return store


def champion_of(store: Store, registry: Registry, home: Path) -> SeriesChampion | None:
    def fetch(spec: str) -> object:
        return fetch_champion(store, spec, home / "serving", lambda: registry, has_tables=True)

    read = series_champions.read_champions(store, [SPEC], fetch, END)  # type: ignore[arg-type]
    return read.get(SPEC.name)


def hourly(values: np.ndarray) -> SeriesGrid:
    return SeriesGrid(0, 3_600, values)


def test_the_champion_forecasts_as_a_search_does_and_searches_nothing(
    filled: Store, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = series_retraining.run_training(filled, registry, SPEC, PERSON, END)
    assert (outcome.passed, outcome.alias, outcome.series) == (True, "champion", 2)
    champion = champion_of(filled, registry, tmp_path)
    assert champion is not None
    assert champion.version == outcome.version
    [series] = forecasting.list_series(filled, "cpu")
    anew = forecasting.forecast_stored(filled, series, END, ForecastRequest()).ahead
    monkeypatch.setattr(rolling_origin, "try_all", lambda *_: pytest.fail("searched"))
    [issued] = issued_forecasts.issue(filled, [SPEC], END, champions={SPEC.name: champion})
    assert (issued.issued, issued.refused) == (2, 0)
    learned = champion.find(series, DAY_S)
    made = forecasting.forecast_stored(filled, series, END, ForecastRequest(), learned=learned)
    assert made.is_learned
    for name in ("value", "low", "high"):
        np.testing.assert_allclose(getattr(made.ahead, name), getattr(anew, name), rtol=1e-5)
    monkeypatch.undo()
    write_points(filled, day_and_night(), name="new")  # it came after the training
    issued_forecasts.issue(filled, [SPEC], END, champions={SPEC.name: champion})
    versions = {one.name: one.version for one in issued_forecasts.read_skill(filled)}
    assert versions == {"cpu": champion.version, "disk": champion.version, "new": ""}
    rows = skill_rows(issued_forecasts.read_skill(filled))
    assert [row["v"] for row in rows] == [champion.version, champion.version, "-"]
    assert "v" not in skill_rows(issued_forecasts.read_skill(filled, "new"))[0]


def test_the_same_points_make_the_same_version_also_after_a_crash(
    filled: Store, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what its gates refuse leaves the champion as it is, and says why."""
    before = {one.digest for one in registry.versions(SPEC.name)}
    spec = replace(SPEC, level=0.8)
    real = series_training._promote
    monkeypatch.setattr(series_training, "_promote", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        series_retraining.run_training(filled, registry, spec, PERSON, END)
    assert registry.champion(SPEC.name) is None
    monkeypatch.setattr(series_training, "_promote", real)
    [left] = [one for one in registry.versions(SPEC.name) if one.digest not in before]
    outcome = series_retraining.run_training(filled, registry, spec, PERSON, END)
    assert (outcome.version, outcome.alias) == (left.version, "champion")
    champion = champion_of(filled, registry, tmp_path)
    assert champion is not None
    strict = replace(spec, gates=ForecastGates(most_ratio=0.01))
    later = SeriesTraining("person", "a test", champion)
    outcome = series_retraining.run_training(filled, registry, strict, later, END)
    assert (outcome.passed, outcome.version) == (False, None)
    assert "times that of the last season again; at most 0.01 passes" in outcome.reasons[0]
    standing = champion_of(filled, registry, tmp_path)
    assert standing is not None
    assert standing.version == champion.version


def test_a_training_that_nobody_asked_for_stays_within_the_budget(
    filled: Store, registry: Registry
) -> None:
    due = series_retraining.find_due(filled, SPEC, None, END)
    assert due is not None
    assert due.reason == "nothing serves yet"
    series_retraining.run_training(filled, registry, SPEC, due, END)
    assert series_retraining.find_due(filled, SPEC, None, END + DAY) is None
    with pytest.raises(Refused, match="not again before"):
        series_retraining.run_training(filled, registry, SPEC, due, END + DAY)


def test_forecasts_that_became_worse_raise_an_alert_and_ask_for_a_training(filled: Store) -> None:
    learning = series_training.learn_spec(filled, SPEC, END)
    champion = SeriesChampion("1", series_training.model_of(SPEC, learning))
    for day in range(8):
        at = END + day * DAY
        issued_forecasts.issue(filled, [SPEC], at, champions={SPEC.name: champion})
        for name in ("cpu", "disk"):  # no rhythm any more
            noise = np.random.default_rng([day, len(name)]).normal(200, 30, 24)
            write_points(filled, noise, name=name, first=at)
    issued_forecasts.score(filled, END + 8 * DAY)
    assert series_retraining.watch_drift(filled, SPEC, champion, END + 8 * DAY).windows == 8
    due = series_retraining.find_due(filled, SPEC, champion, END + 8 * DAY)
    assert due is not None
    assert due.trigger == "drift"
    assert "bands hold" in due.reason
    untaught = SeriesChampion("2", champion.model)
    assert not series_retraining.watch_drift(filled, SPEC, untaught, END + 8 * DAY).is_drifted


def test_held_out_values_teach_nothing() -> None:
    """An oracle: learn from the past of the first origin by hand, and forecast from each."""
    values = day_and_night(2.0)
    score = holdout.hold_out(hourly(values), 24, 0.9)
    assert score is not None
    cuts = [360 - 24 - 16, 360 - 24 - 8, 360 - 24]
    learned = learn(hourly(values[: cuts[0]]), 24)
    made = [apply(learned, hourly(values[:cut])) for cut in cuts]
    errors = [np.abs(a.value - values[c : c + 24]) for a, c in zip(made, cuts, strict=True)]
    assert score.error == pytest.approx(np.mean(errors))
    assert score.points == 72
    drawn = holdout.newest_held_out(hourly(values), 24, 0.9)
    np.testing.assert_allclose(drawn.value, made[-1].value)
    assert drawn.start_us == 336 * 3_600 * 1_000_000


def test_a_series_that_cannot_be_forecast_is_named_with_the_reason(filled: Store) -> None:
    write_points(filled, np.arange(15.0), name="young")
    learning = series_training.learn_spec(filled, SPEC, END)
    assert [one.series.name for one in learning.unlearned] == ["young"]
    said = series_run.describe_series(SPEC, learning)
    assert said.startswith("3 series match `*`. 1 of them cannot be forecast: young of web-1 (")
    assert "15 steps, too few to check a forecast of 24 steps" in said


def test_a_champion_is_compared_only_on_what_it_has_not_learned_from() -> None:
    grid = hourly(day_and_night(2.0))
    learned = learn(hourly(grid.values[:200]), 24)
    hour_us = 3_600_000_000
    old, fresh = (StoredForecaster(3_600, until * hour_us, learned) for until in (200, 360))
    known, unknown = (holdout.hold_out(grid, 24, 0.9, champion=one) for one in (old, fresh))
    assert known is not None
    assert unknown is not None
    assert known.against is not None
    assert unknown.against is None


@pytest.mark.parametrize(
    ("horizon", "reason"),
    [
        (HorizonEvidence(DAY_S, 9, 0, 9, 0.8, 0.9), ""),
        (HorizonEvidence(DAY_S, 9, 9, 9, 1.0, 0.9), ""),
        (HorizonEvidence(DAY_S, 9, 0, 9, 1.01, 0.9), "the last season again"),
        (HorizonEvidence(DAY_S, 9, 0, 9, 0.8, 0.79), "bands 24 h ahead hold 79 %"),
        (HorizonEvidence(DAY_S, 9, 0, 9, 0.8, 0.9, 1.03, 9), "the champion"),
        (HorizonEvidence(DAY_S, 9, 0, 9, 0.8, 0.9, 1.01, 9), ""),
        (HorizonEvidence(DAY_S, 9, 0, 0, np.nan, np.nan), "no series has enough points"),
    ],
)
def test_gates(horizon: HorizonEvidence, reason: str) -> None:
    verdict = judge_forecasters(ForecastGates(), 0.9, [horizon])
    assert verdict.passed == (reason == "")
    assert reason in verdict.reasons[0]


def test_quiet_forecasts_rarely_read_as_drift_and_worse_ones_soon() -> None:
    """At every look of a month; the ratios of windows vary by a fifth."""
    rng, promised = np.random.default_rng(7), {DAY_S: PromisedSkill(0.8, 0.9, 20)}
    drifts = {1.0: 0, 1.6: 0}
    for growth in drifts:
        for _ in range(100):
            ratios = 0.8 * growth * np.exp(rng.normal(0, 0.2, 28))
            windows = [ForecastWindow(DAY_S, one, rng.normal(0.9, 0.03), 20) for one in ratios]
            looks = (judge_drift(ForecastDrift(), promised, windows[:n]) for n in range(5, 28))
            drifts[growth] += any(look.is_drifted for look in looks)
    assert drifts[1.0] <= 2
    assert drifts[1.6] >= 98


@settings(max_examples=40)
@given(noise=st.floats(0, 5), horizon=st.integers(1, 60), level=st.sampled_from([0.5, 0.9, 0.99]))
def test_what_was_learned_survives_json(noise: float, horizon: int, level: float) -> None:
    grid = hourly(day_and_night(noise))
    learned = learn(grid, horizon, level)
    key = series_training.ForecasterKey("s", "n", "", 60.0)
    model = SeriesModel("x", {key: StoredForecaster(3_600, grid.end_us, learned)})
    read = SeriesModel.from_json(json.loads(json.dumps(model.as_json())))
    again = read.forecasters[key].learned
    np.testing.assert_allclose(again.half, learned.half, rtol=1e-6)
    np.testing.assert_allclose(
        apply(again, grid).value, apply(learned, grid).value, rtol=1e-5, atol=1e-6
    )


def test_the_second_of_two_runs_waits_for_the_first_and_writes_nothing(filled: Store) -> None:
    """Without the lock it would not see what the first has not committed."""
    first, second = (
        forecast_ledger.IssuedForecast("x", "s", "n", "", DAY_S, at, at, at, 60, 0.9)
        for at in (END, END + timedelta(seconds=1))
    )

    def run_second() -> None:
        with filled.connect() as connection:
            forecast_ledger.add_forecasts(connection, [second], 0.25)

    other = threading.Thread(target=run_second)
    with filled.connect() as connection:
        forecast_ledger.add_forecasts(connection, [first], 0.25)
        other.start()
        other.join(0.3)
    other.join(60)
    assert [one.forecasts for one in issued_forecasts.read_skill(filled)] == [1]


def test_commands_train_show_and_roll_back(
    filled: Store, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path))
    monkeypatch.setenv("RUNLORE_DATABASE_URL", filled.url)
    monkeypatch.setattr("runlore.kernel.instants.now", lambda: END)
    run = CliRunner()
    trained = run.invoke(app, ["train", SPEC.name, "--json"])
    assert trained.exit_code == 0, trained.output
    first = json.loads(trained.stdout)[SPEC.name]
    write_points(filled, day_and_night()[:48], first=END)
    monkeypatch.setattr("runlore.kernel.instants.now", lambda: END + 2 * DAY)
    second = json.loads(run.invoke(app, ["train", SPEC.name, "--json"]).stdout)[SPEC.name]
    assert (second["passed"], second["alias"]) == (True, "champion")
    back = run.invoke(app, ["rollback", SPEC.name, "--reason", "a test", "--json"])
    assert back.exit_code == 0, back.output
    assert json.loads(back.stdout)["version"] == first["version"]
    options = run.invoke(app, ["train", SPEC.name, "--source", "x"])
    assert options.exit_code != 0
    assert "takes no options" in str(options.exception)


@pytest.mark.parametrize("name", ["Disks", "it's", "", "a" * 99])
def test_a_name_that_the_registry_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(Misconfigured, match="a letter first"):
        SeriesSpec(name)


def test_a_model_spec_and_a_series_spec_have_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.signals.test_series_training.SPEC", SeriesSpec("failure-risk"))
    wanted = Settings(series_specs=("tests.signals.test_series_training:SPEC",))
    with pytest.raises(Misconfigured, match="a model spec is named 'failure-risk'"):
        loading.every_series_spec(wanted)
