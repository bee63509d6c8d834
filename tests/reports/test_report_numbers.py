"""Each number of a report, beside an oracle in pandas over the same rows."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from runlore.kernel.json_values import as_json
from runlore.reports.actions.composing import compose
from runlore.reports.rules.period import ReportPeriod, week_of
from runlore.reports.rules.request import ReportPrices
from runlore.specs.catalog import failure_risk
from runlore.store.engine import Store
from tests.reports.report_log import DAY, announce, answer, request, simulated, write

SPECS = (failure_risk.SPEC,)
FIRST = datetime(2026, 8, 31, tzinfo=UTC)  # a Monday
WEEK = week_of(date(2026, 11, 23))
ENDS = {"succeeded", "failed", "cancelled", "partial"}


@pytest.fixture
def log(store: Store) -> pd.DataFrame:
    """Thirteen weeks, some of whose executions still run, and some of unknown length."""
    frame = simulated(FIRST, 91, 30)
    frame.loc[frame.index % 97 == 0, ["started"]] = pd.NaT
    frame.loc[frame.index[-5:], ["finished", "started"]] = pd.NaT
    frame.loc[frame.index[-5:], "status"] = "running"
    frame["outcome"] = [
        {} if at % 11 == 0 else outcome for at, outcome in enumerate(frame["outcome"])
    ]
    write(store, frame)
    return frame


def oracle(frame: pd.DataFrame, period: ReportPeriod) -> dict[str, float]:
    rows = frame[(frame["submitted"] >= period.starts_at) & (frame["submitted"] < period.ends_at)]
    ended = rows[rows["status"].isin(ENDS)]
    failed = ended[ended["status"] != "succeeded"]
    hours = (ended["finished"] - ended["started"]).dt.total_seconds() / 3600
    cost = ended["outcome"].map(lambda outcome: outcome.get("cost", 0.0))
    return {
        "executions": len(rows),
        "failed": len(failed),
        "failure_rate": len(failed) / len(ended),
        "running": len(rows) - len(ended),
        "run_hours": hours.sum(),
        "failed_hours": hours[failed.index].sum(),
        "cost": cost.sum(),
        "failed_cost": cost[failed.index].sum(),
    }


@pytest.mark.parametrize(
    "work", [{}, {"scope": "web"}, {"scope": ""}, {"actor": "ann", "kind": "build"}]
)
def test_totals_are_those_of_the_rows(
    store: Store, log: pd.DataFrame, work: dict[str, str]
) -> None:
    mine = log
    for name, word in work.items():
        mine = mine[mine[name] == word]
    report = compose(store, SPECS, request(WEEK, prices=ReportPrices(outcome="cost"), **work))
    for name, value in oracle(mine, WEEK).items():
        assert report.figure(name).value == pytest.approx(value), name
    for name, value in oracle(mine, WEEK.before).items():
        assert report.figure(name).before == pytest.approx(value), name
    assert sum(row.executions for row in report.days) == len(
        mine[mine["submitted"] >= WEEK.before.starts_at]
    )
    for part in ("scope", "kind", "actor"):
        rows = [row for row in report.groups if row.part == part]
        assert sum(row.executions for row in rows) == report.figure("executions").value
    assert sum(row.executions for row in report.statuses) == report.figure("executions").value


def test_days_are_those_of_the_zone(store: Store, log: pd.DataFrame) -> None:
    period = week_of(date(2026, 10, 26), "America/New_York")
    report = compose(store, SPECS, request(period))
    local = log["submitted"].dt.tz_convert("America/New_York").dt.date
    for row in report.days:
        assert row.executions == (local == row.day).sum(), row.day
    assert period.ends_at - period.starts_at == timedelta(days=7, hours=1), "clocks go back"


def test_what_became_known_later_is_left_out(store: Store, log: pd.DataFrame) -> None:
    known_at = WEEK.starts_at + 2.5 * DAY
    report = compose(store, SPECS, request(WEEK, known_at))
    known = log[(log["submitted"] >= WEEK.starts_at) & (log["known_at"] <= known_at)]
    assert report.figure("executions").value == len(known)
    assert report.figure("executions").change == "unknown"
    assert report.figure("executions").not_compared == "the period is not over"


def test_both_periods_are_seen_as_long_after_their_end(store: Store) -> None:
    """Work that takes days looks alike in both, though more of the older one has ended by now."""
    frame = simulated(FIRST, 91, 40)
    frame["finished"] = frame["submitted"] + 4 * DAY
    frame["known_at"] = frame["submission_known_at"] = frame["submitted"]
    write(store, frame.assign(status="running", finished=pd.NaT))
    write(store, frame.assign(revision=1, known_at=frame["finished"]))
    report = compose(store, SPECS, request(WEEK, WEEK.ends_at))
    running = report.figure("running")
    assert running.value > 50
    assert running.before == pytest.approx(running.value, abs=5)
    assert report.figure("failure_rate").change != "up"


def test_the_same_report_gives_the_same_numbers_whatever_came_since(
    store: Store, log: pd.DataFrame
) -> None:
    asked = request(WEEK, prices=ReportPrices(hour=3.0))
    first = compose(store, SPECS, asked)
    older = simulated(FIRST, 91, 5, seed=9)
    write(store, older)  # another log of the same weeks, whose facts are old and new here
    again = compose(store, SPECS, request(WEEK, prices=ReportPrices(hour=3.0)))
    assert again.figure("executions").value > first.figure("executions").value
    same = compose(store, SPECS, replace(asked, until_seq=first.until_seq))
    assert as_json(same) == as_json(first)


def test_a_log_that_begins_in_the_period_before_is_not_compared(store: Store) -> None:
    write(store, simulated(WEEK.starts_at - 3 * DAY, 10, 20))
    report = compose(store, SPECS, request(WEEK))
    assert {figure.change for figure in report.figures} == {"unknown"}
    assert "begins on 2026-11-20" in report.figure("executions").not_compared
    assert all(row.unknown for row in report.forecast)


def test_an_empty_period_says_so(store: Store) -> None:
    report = compose(store, SPECS, request(WEEK))
    assert report.headline == ["No execution was submitted from 2026-11-23 to 2026-11-29 (UTC)."]
    assert np.isnan(report.figure("failure_rate").value)


def test_a_doubled_rate_is_a_change_and_the_usual_week_is_none(store: Store) -> None:
    frame = simulated(FIRST, 91, 100)
    write(store, frame)
    usual = compose(store, SPECS, request(WEEK))
    assert {figure.change for figure in usual.figures} <= {"no change shown", "unknown"}
    worse = frame[frame["submitted"] >= WEEK.starts_at]
    chosen = worse[worse["status"] == "succeeded"].iloc[::3]
    write(store, chosen.assign(revision=1, status="failed"))
    changed = compose(store, SPECS, request(WEEK))
    assert changed.figure("failure_rate").change == "up"
    assert changed.figure("executions").change == "no change shown"


def test_failures_foreseen_are_those_with_a_warning(store: Store, log: pd.DataFrame) -> None:
    week = log[(log["submitted"] >= WEEK.starts_at) & (log["submitted"] < WEEK.ends_at)]
    risk = np.random.default_rng(1).random(len(week))
    announce(store, FIRST)
    answer(store, week, risk)
    report = compose(
        store, SPECS, request(WEEK, prices=ReportPrices(hour=2.0, check=0.5, warns_at=0.7))
    )
    ended = week["status"].isin(ENDS).to_numpy()
    failed = ended & (week["status"] != "succeeded").to_numpy()
    warned = (risk >= 0.7) & ended
    hours = ((week["finished"] - week["started"]).dt.total_seconds() / 3600).to_numpy()
    saved = np.nansum(hours[warned & failed])
    expected = {
        "warnings": warned.sum(),
        "foreseen": (warned & failed).sum(),
        "foreseen_share": (warned & failed).sum() / failed.sum(),
        "false_alarms": (warned & ~failed).sum(),
        "foreseen_early": (warned & failed).sum(),
        "avoidable_hours": saved,
        "avoidable_cost": saved * 2.0 - 0.5 * warned.sum(),
    }
    for name, value in expected.items():
        assert report.figure(name).value == pytest.approx(value), name
    [auc] = [row for row in report.predictions if row.score == "AUC"]
    assert auc.low < 0.5 < auc.high
    assert auc.judged == ended.sum()


def test_answers_about_work_that_taught_the_version_do_not_count(
    store: Store, log: pd.DataFrame
) -> None:
    week = log[(log["submitted"] >= WEEK.starts_at) & (log["submitted"] < WEEK.ends_at)]
    announce(store, WEEK.ends_at + 0.1 * DAY)
    answer(store, week, np.ones(len(week)), delay=7.2 * DAY)
    report = compose(store, SPECS, request(WEEK, WEEK.ends_at + 20 * DAY))
    assert report.figure("answers").value == len(week)
    assert np.isnan(report.figure("foreseen").value)
    assert "runlore score failure-risk" in report.figure("foreseen").unknown


def test_an_answer_after_the_end_foresees_but_not_in_time(store: Store, log: pd.DataFrame) -> None:
    week = log[(log["submitted"] >= WEEK.starts_at) & (log["submitted"] < WEEK.ends_at)]
    announce(store, FIRST)
    answer(store, week, np.ones(len(week)), delay=8 * DAY)
    report = compose(
        store, SPECS, request(WEEK, WEEK.ends_at + 20 * DAY, ReportPrices(warns_at=0.5))
    )
    assert report.figure("foreseen").value == report.figure("failed").value > 0
    assert report.figure("foreseen_early").value == 0


def test_the_cost_does_not_grow_with_the_log_outside_the_periods(store: Store) -> None:
    """The plan of the largest query touches the months of the period alone."""
    from runlore.reports.queries import period_work
    from runlore.reports.queries.period_work import PeriodQuery
    from runlore.reports.rules.request import WorkFilter

    write(store, simulated(datetime(2025, 1, 6, tzinfo=UTC), 690, 2))
    edges = [WEEK.before.starts_at, WEEK.starts_at, WEEK.ends_at]
    query = PeriodQuery(edges, edges[1:], "UTC", WorkFilter(), WEEK.ends_at, 10**9, None)
    with store.connect() as connection:
        plan = connection.execute(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + period_work.BY_DAY_AND_GROUP,
            query.parameters,
        ).fetchall()
    lines = [line for (line,) in plan if "executions_20" in line and "never executed" not in line]
    assert lines
    assert all("2026_11" in line for line in lines), lines
