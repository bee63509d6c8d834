"""What is told of a spec's windows is what was said of them."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from runlore.cli import app
from runlore.monitoring.actions import drift_history
from runlore.monitoring.actions.drift_history import Judgement
from runlore.monitoring.queries.drift_results import ComparedWindow
from runlore.monitoring.queries.drift_slices import Watermark
from runlore.monitoring.rules.histogram import count, reference_profile
from runlore.monitoring.rules.verdict import WindowVerdict, judge
from runlore.specs.model_spec import DriftPolicy
from runlore.store.engine import Store
from tests.log.logged_work import day

NAMES = ("inputs.size", "actor.failed_last", "prediction", "label")
POLICY = DriftPolicy()


def block(shift: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(800, len(NAMES))) + shift).astype(np.float32)


REFERENCE = reference_profile(block(0, 0), NAMES)


def record(
    store: Store, weeks: str, version: str = "1", first: int = 0, spec: str = "spec"
) -> list[WindowVerdict]:
    """A window a week: D drifted, - did not."""
    return [verdict for verdict, _ in weeks_of(store, weeks, version, first, spec)]


def weeks_of(
    store: Store, weeks: str, version: str = "1", first: int = 0, spec: str = "spec"
) -> list[tuple[WindowVerdict, str | None]]:
    """With what became of the anomaly each time."""
    said = []
    for at, letter in enumerate(weeks, first):
        window = ComparedWindow(spec, version, day(7 * at), day(7 * at + 7))
        rows, end = block(2.0 if letter == "D" else 0.0, at + 1), day(7 * at + 7)
        verdict = judge(REFERENCE, count(REFERENCE.bins, rows), POLICY)
        judgement = Judgement(window, verdict, Watermark(0, 0), "x.html")
        found = drift_history.record(store, [judgement], (spec, version), POLICY, end)
        said.append((verdict, found.anomaly))
    return said


def test_a_history_is_what_was_said_newest_first(store: Store) -> None:
    said = record(store, "-D-")
    found = drift_history.history(store, "spec", 10)
    assert [each.window.window_to for each in found] == [day(21), day(14), day(7)]
    for each, verdict in zip(found, reversed(said), strict=True):
        untold = [replace(column, change="", p_value=0.0) for column in verdict.columns]
        assert each.verdict.columns == tuple(untold)
        assert (each.verdict.answer, each.verdict.level) == (verdict.answer, verdict.level)
        assert each.verdict.drifted_share == pytest.approx(verdict.drifted_share)
    assert len(drift_history.history(store, "spec", 2)) == 2
    assert drift_history.history(store, "nobody", 2) == []


def test_the_decision_is_about_one_version_and_windows_of_the_policys_length(store: Store) -> None:
    record(store, "-DD")
    record(store, "D", "2", first=3)
    found = drift_history.decision(store, ("spec", "1"), POLICY, day(21))
    assert (found.action, found.is_alarm) == ("retrain", True)
    assert found.reasons[1].startswith("2 of 2 features drifted")
    assert drift_history.decision(store, ("spec", "2"), POLICY, day(28)).action == "wait"
    answered = drift_history.decision(store, ("spec", "1"), POLICY, day(22), [day(21.5)])
    assert (answered.action, answered.is_alarm) == ("wait", True)
    longer = replace(POLICY, window_s=2 * POLICY.window_s)
    asked = drift_history.decision(store, ("spec", "1"), longer, day(21))
    assert asked.reasons == ("no window has been judged yet",)


@pytest.mark.parametrize(
    ("weeks", "became"),
    [
        ("-D", [None, None]),
        ("DD", [None, "opened"]),
        ("D-D", [None, None, "opened"]),
        ("D--D", [None, None, None, None]),
        ("DDD-", [None, "opened", "open", "resolved"]),
        ("DD-D", [None, "opened", "resolved", "opened"]),
    ],
)
def test_an_alarm_opens_an_anomaly_and_a_quiet_window_resolves_it(
    store: Store, weeks: str, became: list[str | None]
) -> None:
    assert [change for _, change in weeks_of(store, weeks)] == became


def test_a_drifted_window_of_another_version_leaves_the_anomaly_open(store: Store) -> None:
    weeks_of(store, "DD")
    assert [change for _, change in weeks_of(store, "D-", "2", first=2)] == ["open", "resolved"]


def test_a_history_is_drawn_with_its_finding_as_the_title(store: Store) -> None:
    assert "No window" in drift_history.draw([]).texts[0].get_text()
    record(store, "--D")
    figure = drift_history.draw(drift_history.history(store, "spec", 52))
    figure.canvas.draw()
    assert figure.texts[0].get_text() == "1 of 3 windows drifted, the newest among them"
    columns = figure.axes[1]
    shown = [tick.get_text() for tick in columns.get_yticklabels()]
    assert set(shown) == set(NAMES)
    assert set(shown[:2]) == {"prediction", "label"}, "first, whatever moved more"
    (marks,) = columns.lines
    assert len(marks.get_xdata()) == 4, "all columns of the last window"
    assert set(marks.get_xdata()) == {2}
    dates = [tick.get_text() for tick in columns.get_xticklabels()]
    assert dates == [str((day(0) + timedelta(days=7 * n)).date()) for n in (1, 2, 3)]


def test_the_command_tells_the_history_to_people_and_machines(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    command = ["monitor", "duration", "--history"]
    nothing = CliRunner().invoke(app, command)
    assert nothing.stdout.strip() == (
        "no window of duration has been evaluated yet; run `runlore monitor duration`"
    )
    record(store, "-D", spec="duration")
    told = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert [each["answer"] for each in told["windows"]] == ["drift", "no drift"]
    newest = told["windows"][0]
    assert newest["window_to"] == day(14).isoformat()
    assert {each["kind"] for each in newest["columns"]} == {"feature", "prediction", "label"}
    assert all(each["q_value"] <= newest["level"] for each in newest["columns"])
    shown = CliRunner().invoke(app, [*command, "--last", "1"])
    assert shown.exit_code == 0
    assert "2026-01-19 00:00" in shown.stdout
    assert "2026-01-12 00:00" not in shown.stdout
