from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from time import process_time

import numpy as np
import pandas as pd
import pytest

from runlore.kernel.errors import BadInput
from runlore.simulate import Scenario, SimulatedLog, events, simulate

DAY_S = 86_400


@pytest.fixture(scope="module")
def log() -> SimulatedLog:
    return simulate(Scenario())


@pytest.fixture(scope="module")
def finished(log: SimulatedLog) -> pd.DataFrame:
    """Executions that could fail, with `failed` as 0 or 1."""
    ran = log.executions[log.executions["result"] != "cancelled"]
    return ran.assign(failed=(ran["result"] == "failed").astype(float))


def moved(before: pd.Series, after: pd.Series) -> float:
    """Population stability index over tenths of `before`."""
    edges = before.quantile(np.linspace(0.1, 0.9, 9))
    shares = [
        np.bincount(np.searchsorted(edges, part), minlength=10) / len(part)
        for part in (before, after)
    ]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def test_the_same_scenario_gives_the_same_log_and_another_seed_another():
    small = Scenario(executions=500, days=20)
    first, again, other = simulate(small), simulate(small), simulate(replace(small, seed=8))
    for name in ("executions", "records", "dirt", "metrics"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(again, name))
    assert first.planted == again.planted
    assert not first.records.equals(other.records)


def test_the_default_log_takes_at_most_two_seconds_of_one_core():
    start = process_time()
    assert len(simulate(Scenario(seed=11)).executions) == 20_000
    assert process_time() - start < 2


@pytest.mark.parametrize(
    ("executions", "days", "kinds", "hosts", "actors"),
    [(1, 2, 1, 1, 1), (50, 2, 12, 1, 3), (300, 400, 3, 2, 1)],
)
def test_odd_sizes_work(executions, days, kinds, hosts, actors):
    log = simulate(
        Scenario(executions=executions, days=days, kinds=kinds, hosts=hosts, actors=actors)
    )
    assert len(log.executions) == executions
    assert len(log.dirt) == 50
    assert len(events(log)) == len(log.records) + log.records["id"].nunique()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("executions", 0),
        ("days", 1),
        ("days", 9999),
        ("late_share", 1.5),
        ("change_at", -0.1),
        ("change_size", 0.0),
        ("end", datetime(2025, 1, 1)),  # noqa: DTZ001  (no zone is the point)
    ],
)
def test_an_impossible_scenario_is_refused_by_name(field, value):
    with pytest.raises(BadInput, match=field) as caught:
        Scenario(**{field: value})
    assert caught.value.field == field


def test_an_end_in_another_zone_is_the_same_instant():
    east = datetime(2025, 10, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    small = Scenario(executions=200, days=9)
    assert simulate(replace(small, end=east)).records.equals(simulate(small).records)


def test_times_follow_each_other_and_nothing_is_known_after_the_end(log):
    work = log.executions
    started = work["started"].fillna(work["finished"])
    assert (work["submitted"].between(0, log.scenario.span_s - 1)).all()
    assert (work["submitted"] < started).all()
    assert (started <= work["finished"]).all()
    assert (work["finished"] <= work["reported"]).all()
    assert work["started"].isna().equals(work["never_ran"])
    assert log.records["reported_at"].max() <= log.scenario.as_json()["end"]
    assert log.records["reported_at"].is_monotonic_increasing


def test_submissions_follow_the_day_and_the_week(log):
    at = pd.to_datetime(log.records.drop_duplicates("id")["submitted_at"])
    per_weekday = at.dt.weekday.value_counts().sort_index()
    assert per_weekday[5:].max() < 0.5 * per_weekday[:5].min()
    hours = at.dt.hour.value_counts()
    assert hours[hours.index.isin([10, 14, 15])].min() > 2 * hours[hours.index.isin([4, 5])].max()


def test_outcomes_follow_the_true_probabilities(finished):
    tenth = pd.qcut(finished["p_fail"], 10, labels=False)
    grouped = finished.groupby(tenth)
    expected, seen, count = (
        grouped["p_fail"].mean(),
        grouped["failed"].mean(),
        grouped["failed"].size(),
    )
    noise = np.sqrt(expected * (1 - expected) / count)
    assert ((seen - expected).abs() < 4 * noise).all()
    assert abs(finished["failed"].mean() - finished["p_fail"].mean()) < 0.01


def test_a_degraded_host_fails_more_and_is_slower_and_busier_then_recovers(log, finished):
    rate = finished.groupby("degraded")["failed"].mean()
    assert rate[True] > 2 * rate[False]
    ok = finished[finished["result"] == "ok"]
    pace = (ok["finished"] - ok["started"]) / ok["size_gb"]
    by_kind = pace.groupby([ok["kind"], ok["degraded"]]).median().unstack()
    assert (by_kind[True] > 1.2 * by_kind[False]).all()
    spells = pd.DataFrame(log.planted["degraded_hosts"])
    assert set(spells["host"]) == set(log.metrics["scope"])
    node = log.metrics[log.metrics["scope"] == spells["host"][0]]
    inside = node["at"].between(spells["from"][0], spells["to"][0])
    assert node["value"][inside].median() > 2 + node["value"][~inside].median()


def test_planted_failing_spells_are_where_failures_cluster(log, finished):
    rate = finished.groupby("failing")["failed"].mean()
    assert rate[True] > 3 * rate[False]
    spell = pd.DataFrame(log.planted["failing"]).iloc[0]
    records = log.records.merge(log.executions[["id", "failing"]], on="id", validate="many_to_one")
    mine = records[(records["user"] == spell["user"]) & (records["job_type"] == spell["job_type"])]
    assert mine["failing"][mine["submitted_at"].between(spell["from"], spell["to"])].all()


def test_requests_are_repeated_in_bursts(log):
    work = log.executions
    before = work.groupby(["actor", "kind"])[["submitted", "files"]].shift()
    is_repeat = (work["files"] == before["files"]) & (
        work["submitted"] - before["submitted"] < 7200
    )
    assert is_repeat.mean() > 0.4


def test_the_planted_change_moves_sizes_and_failures_of_its_two_kinds_only(log, finished):
    change = log.planted["change"]
    assert change["at"] == "2025-09-13T00:00:00Z"
    kinds = log.executions.loc[log.executions["changed"], "kind"].unique()
    assert len(kinds) == len(change["job_types"]) == 2
    is_after = finished["submitted"] >= log.scenario.change_s
    is_theirs = finished["kind"].isin(kinds)
    means = finished.groupby([is_theirs, is_after])[["size_gb", "failed"]].mean()
    assert 1.8 < means["size_gb"][True, True] / means["size_gb"][True, False] < 2.4
    assert 0.8 < means["size_gb"][False, True] / means["size_gb"][False, False] < 1.2
    assert means["failed"][True, True] > 2 * means["failed"][True, False]


def test_a_drift_report_on_the_last_week_shows_the_change_and_stays_quiet_before(log):
    work, change = log.executions, log.scenario.change_s
    before = work[work["submitted"] < change]
    last_week = work[work["submitted"] >= log.scenario.span_s - 7 * DAY_S]
    quiet_week = before[before["submitted"] >= change - 7 * DAY_S]
    assert moved(before["size_gb"], last_week["size_gb"]) > 0.2
    assert moved(before["size_gb"], quiet_week["size_gb"]) < 0.1


def test_a_change_at_the_end_of_the_span_is_no_change():
    log = simulate(Scenario(executions=3000, change_at=1.0))
    assert not log.executions["changed"].any()


def test_some_outcomes_are_late_and_some_are_put_right_later(log):
    work = log.executions
    assert 0.04 < work["is_late"].mean() < 0.06
    delay = work["reported"] - work["finished"]
    assert (delay[work["is_late"]] >= 7200).all()
    assert (delay[~work["is_late"]] == 0).all()
    told = log.records[log.records["id"].duplicated(keep=False)].groupby("id")
    assert 150 < len(told) < 250
    assert (told["result"].nunique() == 2).all()
    assert (told["submitted_at"].nunique() == 1).all()
    truth = work.set_index("id")["result"]
    assert told["result"].last().equals(truth[told["result"].last().index].rename("result"))


def test_events_replay_each_submission_and_outcome_in_the_order_they_became_known(log):
    replay = events(log)
    assert replay["at_us"].is_monotonic_increasing
    assert (replay["what"] == "outcome").sum() == len(log.records)
    submissions = replay[replay["what"] == "submission"]
    assert submissions["row"].map(log.records["id"]).is_unique
    assert len(submissions) == log.records["id"].nunique()
    instant = pd.to_datetime(replay["at_us"], unit="us", utc=True)
    told = np.where(
        replay["what"] == "submission",
        log.records["submitted_at"].loc[replay["row"]],
        log.records["reported_at"].loc[replay["row"]],
    )
    assert (instant.dt.strftime("%Y-%m-%dT%H:%M:%SZ") == told).all()
    assert not replay.drop_duplicates("at_us")["what"].isna().any()


def test_at_one_instant_outcomes_are_replayed_before_submissions(log):
    replay = events(log)
    tied = replay[replay["at_us"].duplicated(keep=False)].groupby("at_us")["what"]
    mixed = tied.apply(list)[tied.nunique() == 2]
    assert len(mixed) > 0
    assert all(whats == sorted(whats) for whats in mixed)


def test_events_since_an_instant_are_the_tail_of_all_events(log):
    since = datetime(2025, 9, 1, tzinfo=UTC)
    replay, tail = events(log), events(log, since)
    assert 0 < len(tail) < len(replay)
    assert tail.equals(replay.iloc[-len(tail) :].reset_index(drop=True))
    assert replay["at_us"].iloc[-len(tail) - 1] < since.timestamp() * 1e6 <= tail["at_us"].iloc[0]
