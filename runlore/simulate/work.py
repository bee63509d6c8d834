"""Requests, their repeats and their outcomes: the truth behind the log."""

import numpy as np
import pandas as pd

from runlore.simulate.scenario import Scenario
from runlore.simulate.world import Bools, Floats, Ints, Spells, World

WEEK_RHYTHM = np.array([1.0, 1.1, 1.1, 1.05, 0.9, 0.3, 0.25])
BASE_LOG_ODDS = -3.0
CONGESTION_S = 1800


def draw_executions(scenario: Scenario, world: World, rng: np.random.Generator) -> pd.DataFrame:
    """One row per execution in order of submission; instants are seconds from the first one.

    `p_fail` is the true probability that it fails unless it is cancelled.
    """
    work = _repeats(scenario, _requests(scenario, world, rng), rng)
    actor, kind, host = work["actor"].to_numpy(), work["kind"].to_numpy(), work["host"].to_numpy()
    at = work["submitted"].to_numpy()
    changed = (at >= scenario.change_s) & np.isin(kind, world.changed)
    size = work["size"] * world.kinds["typical_gb"].to_numpy()[kind]
    size = (size * np.where(changed, scenario.change_size, 1)).round(2).clip(lower=0.01)
    work = work.assign(
        size_gb=size,
        degraded=world.degraded.running(host, at) > 0,
        failing=world.failing.running(actor * scenario.kinds + kind, at) > 0,
        changed=changed,
    )
    work["p_fail"] = _failure_probability(scenario, world, work)
    work = _times(world, _results(scenario, work, rng), rng)
    return _reports(scenario, work, rng).drop(columns=["size", "defect"])


def _requests(scenario: Scenario, world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the distinct requests; repeats share everything of one, its hidden defect too."""
    count, actors = scenario.executions, world.actors
    actor = rng.choice(scenario.actors, count, p=actors["share"])
    kind = (rng.random(count)[:, None] > world.kind_odds[actor, :-1]).sum(axis=1)
    size = actors["size"].to_numpy()[actor] * rng.lognormal(0, 0.4, count)
    strays = rng.random(count) < 0.4
    return pd.DataFrame(
        {
            "actor": actor,
            "kind": kind,
            "host": np.where(
                strays, rng.integers(scenario.hosts, size=count), actors["home"].to_numpy()[actor]
            ),
            "size": size,
            "files": 1 + rng.poisson(6 * size),
            "priority": rng.choice(4, count, p=[0.15, 0.6, 0.2, 0.05]),
            "retries_allowed": rng.choice(4, count, p=[0.45, 0.3, 0.15, 0.1]),
            "defect": rng.normal(0, 0.4, count),
            "submitted": _first_runs(scenario, actors["hour"].to_numpy()[actor], rng),
        }
    )


def _first_runs(scenario: Scenario, hour: Floats, rng: np.random.Generator) -> Floats:
    """Seconds at which requests are made: fewer at week-ends, around each actor's own hours."""
    weekday = (scenario.first.weekday() + np.arange(scenario.days)) % 7
    share = WEEK_RHYTHM[weekday] / WEEK_RHYTHM[weekday].sum()
    day = rng.choice(scenario.days, hour.size, p=share)
    first_hour = scenario.first.hour + scenario.first.minute / 60
    return day * 86_400 + (rng.normal(hour, 2.5) - first_hour) % 24 * 3600


def _repeats(scenario: Scenario, requests: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Repeat requests in bursts until the scenario's number of executions is reached."""
    runs = rng.geometric(0.35, len(requests))
    request = np.repeat(np.arange(len(requests)), runs)[: scenario.executions]
    is_first = np.diff(request, prepend=-1) > 0
    gap = np.where(is_first, 0, rng.exponential(2400, request.size)).cumsum()
    work = requests.iloc[request].reset_index(drop=True)
    at = work["submitted"] + gap - gap[is_first][request]
    late = (at.groupby(request).transform("max") - scenario.span_s + 1).clip(lower=0)
    work["submitted"] = (at - late).clip(lower=0).round()
    return work.sort_values("submitted", kind="stable", ignore_index=True)


def _failure_probability(scenario: Scenario, world: World, work: pd.DataFrame) -> Floats:
    actor, kind = work["actor"].to_numpy(), work["kind"].to_numpy()
    relative = work["size_gb"].to_numpy() / world.kinds["typical_gb"].to_numpy()[kind]
    log_odds = (
        BASE_LOG_ODDS
        + world.actors["log_odds"].to_numpy()[actor]
        + world.kinds["log_odds"].to_numpy()[kind]
        + world.affinity[actor, kind]
        + 1.0 * np.log(relative)
        + 1.5 * (relative > 1.8)
        - 0.35 * work["retries_allowed"]
        + 2.0 * work["degraded"]
        + 3.6 * work["failing"]
        + scenario.change_logit * work["changed"]
        + work["defect"]
    )
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def _results(scenario: Scenario, work: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    failed = rng.random(len(work)) < work["p_fail"]
    cancelled = rng.random(len(work)) < scenario.cancelled_share
    return work.assign(
        result=np.select([cancelled, failed], ["cancelled", "failed"], "ok"),
        never_ran=cancelled & (rng.random(len(work)) < 0.5),
    )


def _times(world: World, work: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw waiting times, run times and costs; executions that never ran have a NaN start."""
    count, kind = len(work), world.kinds.iloc[work["kind"]].reset_index(drop=True)
    host, at = work["host"].to_numpy(), work["submitted"].to_numpy()
    queue = Spells(host, at, at + CONGESTION_S).running(host, at)
    patience = np.array([1.5, 1.0, 0.6, 0.3])[work["priority"]]
    wait = rng.exponential(20, count) * (1 + queue) * patience * (1 + work["degraded"])
    pace = world.actors["pace"].to_numpy()[work["actor"]] * (1 + 0.7 * work["degraded"])
    scale = (work["size_gb"] / kind["typical_gb"]) ** kind["scaling"]
    full_s = kind["typical_s"] * scale * pace * rng.lognormal(0, 0.3, count)
    cut = np.where(work["result"] == "ok", 1, rng.uniform(0.05, 1, count))
    run = np.where(work["never_ran"], 0, (full_s * cut).round().clip(lower=1))
    started = work["submitted"] + wait.round().clip(lower=1)
    return work.assign(
        started=started.mask(work["never_ran"]),
        finished=started + run,
        cost_usd=(run / 3600 * (0.4 + work["size_gb"] / 100)).round(4),
    )


def _reports(scenario: Scenario, work: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """When each outcome became known, and when a wrong first report was corrected (else NaN)."""
    is_late: Bools = rng.random(len(work)) < scenario.late_share
    delay = (rng.lognormal(np.log(86_400), 0.8, len(work))).clip(7200, 10 * 86_400).round()
    reported = work["finished"] + np.where(is_late, delay, 0)
    is_wrong = (rng.random(len(work)) < scenario.corrected_share) & (work["result"] != "cancelled")
    days: Ints = rng.integers(1, 6, len(work))
    return work.assign(
        reported=reported,
        is_late=is_late,
        corrected=(reported + days * 86_400).where(is_wrong),
    )
