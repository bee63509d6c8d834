"""A new category is noticed: a share of the rows holds a word that training never held.

Half a year of training, then weeks of 490 rows, judged as `runlore monitor` judges them. In the
first worlds a share of the rows is of a new kind from the first week on, and the share counted is
of worlds in alarm within 8 weeks. In the last ones actors come and go all the time and nothing
else changes; each alarm trains anew, and the share counted is of weeks with an alarm, of which the
policy promises one in 52. Before, new words counted by the weight of their column alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
from promised.row import Row
from quiet_year import START, TAUGHT
from worlds.actors import CATEGORIES, IMPORTANCE, NAMES, make

from runlore.monitoring.rules.histogram import count, reference_profile
from runlore.monitoring.rules.trigger import JudgedWindow, decide
from runlore.monitoring.rules.usual import usual
from runlore.monitoring.rules.verdict import VerdictContext, judge
from runlore.specs.model_spec import DriftPolicy

PER_DAY, WATCHED = 70.0, 8
POLICIES = {"before": replace(DriftPolicy(), unknown_words=1.0), "now": DriftPolicy()}
KIND, ACTOR = NAMES.index("kind"), NAMES.index("actor")

Weeks = Callable[[int, int], np.ndarray]  # the rows of a week, as a version of another week sees it


def alarms(weeks: Weeks, policy: DriftPolicy, watched: int, *, is_first_only: bool) -> int:
    trained, history, raised = TAUGHT, [], 0
    profile, background = learn(weeks, trained, policy)
    for number in range(TAUGHT, TAUGHT + watched):
        ends = [START + timedelta(weeks=week) for week in (number, number + 1)]
        verdict = judge(profile, count(profile.bins, weeks(number, trained)), policy, background)
        history.append(JudgedWindow(str(trained), *ends, verdict.answer, verdict.reasons))
        if decide(history, policy, ends[1]).is_alarm:
            raised, trained = raised + 1, number + 1
            if is_first_only:
                break
            profile, background = learn(weeks, trained, policy)
    return raised


def learn(weeks: Weeks, trained: int, policy: DriftPolicy):
    taught = [weeks(number, trained) for number in range(trained - TAUGHT, trained)]
    profile = reference_profile(np.concatenate(taught), NAMES, CATEGORIES)
    windows = [count(profile.bins, rows) for rows in taught]
    return profile, VerdictContext(importance=IMPORTANCE, usual=usual(windows, policy))


def of_a_new_kind(seed: int, share: float) -> Weeks:
    world = make(seed, 7 * (TAUGHT + WATCHED), PER_DAY)
    rng = np.random.default_rng([seed, 1])
    is_new = (world.day >= 7 * TAUGHT) & (rng.random(len(world.day)) < share)
    rows = world.rows.copy()
    rows[is_new, KIND] = -1
    edges = np.searchsorted(world.day, np.arange(0, 7 * (TAUGHT + WATCHED) + 1, 7))
    return lambda number, trained: rows[edges[number] : edges[number + 1]]


def of_coming_and_going(seed: int, stay_weeks: float, watched: int) -> Weeks:
    """Forty actors at any time, each of whom leaves after some weeks and another one comes."""
    world = make(seed, 7 * (TAUGHT + watched), PER_DAY)
    rng, week = np.random.default_rng([seed, 2]), world.day // 7
    since = np.cumsum(rng.exponential(stay_weeks, (40, 400)), axis=1) - rng.exponential(
        stay_weeks, (40, 1)
    )
    place = world.rows[:, ACTOR].astype(int)
    term = (since[place] <= world.day[:, None] / 7).sum(axis=1)
    person = place * 1000 + term
    edges = np.searchsorted(world.day, np.arange(0, 7 * (TAUGHT + watched) + 1, 7))

    def rows_of(number: int, trained: int) -> np.ndarray:
        words = np.unique(person[(week >= trained - TAUGHT) & (week < trained)])
        inside = slice(edges[number], edges[number + 1])
        rows = world.rows[inside].copy()
        code = np.searchsorted(words, person[inside]).clip(max=len(words) - 1)
        rows[:, ACTOR] = np.where(words[code] == person[inside], code, -1)
        return rows

    return rows_of


def run(worlds: int) -> Iterator[Row]:
    for share in (0.2, 0.1, 0.02, 0.0):
        promise = "alarm" if share > 0.05 else "no alarm"
        for rule, policy in POLICIES.items():
            raised = sum(
                alarms(of_a_new_kind(seed, share), policy, WATCHED, is_first_only=True)
                for seed in range(worlds)
            )
            world = f"{share:.0%} of rows are of a new kind"
            yield Row(world, rule, raised / worlds, worlds, promise)
    years = max(worlds // 8, 1)
    for stay_weeks in (200, 50, 12):
        for rule, policy in POLICIES.items():
            raised = sum(
                alarms(of_coming_and_going(seed, stay_weeks, 52), policy, 52, is_first_only=False)
                for seed in range(years)
            )
            world = f"actors stay {stay_weeks} weeks, {years} years"
            yield Row(world, rule, raised / years / 52, years * 52, "1.9% of weeks")
