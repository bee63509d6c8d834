"""The search for advice, against slow plain sums, and in logs with known truth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.advice import RUNS, is_about_host, make_world
from runlore.advice.rules.recommendations.holding import (
    LaterEffect,
    is_kind_refuted,
    is_look_due,
    is_refuted,
    look_alpha,
)
from runlore.advice.rules.recommendations.levers import (
    input_levers,
    order_lever,
    retry_lever,
    size_edges,
    size_inputs,
    size_lever,
    uses_value,
)
from runlore.advice.rules.recommendations.like_with_like import compare_arms, compare_values
from runlore.advice.rules.recommendations.run_log import RunLog, previous_ended
from runlore.advice.rules.recommendations.searching import search_choices

RUN = st.tuples(st.integers(0, 3), st.booleans(), st.booleans(), st.integers(0, 3))


def brute_force(rows: list[tuple[int, bool, bool, int]]) -> tuple[float, float]:
    """Every stratum by itself: difference of rates, weighted by n1 n0 / n; and the base rate."""
    total, effect, base = 0.0, 0.0, 0.0
    for stratum in {row[0] for row in rows}:
        used = [row[2] for row in rows if row[0] == stratum and row[1]]
        other = [row[2] for row in rows if row[0] == stratum and not row[1]]
        if used and other:
            weight = len(used) * len(other) / (len(used) + len(other))
            total += weight
            effect += weight * (sum(used) / len(used) - sum(other) / len(other))
            base += weight * sum(other) / len(other)
    return (effect / total, base / total) if total else (np.nan, np.nan)


@settings(max_examples=150, deadline=None)
@given(st.lists(RUN, min_size=2, max_size=60))
def test_like_is_compared_with_like(rows: list[tuple[int, bool, bool, int]]) -> None:
    strata, used, failed, blocks = (np.array(one) for one in zip(*rows, strict=True))
    made = compare_arms(failed.astype(float), used.astype(float), strata, blocks)
    effect, base = brute_force(rows)
    assert made.effect == pytest.approx(effect, nan_ok=True)
    assert made.base == pytest.approx(base, nan_ok=True)
    both = compare_values(failed.astype(float), used.astype(np.int64), strata, blocks)
    if used.any() and not used.all():
        assert both.effect[1] == pytest.approx(effect, nan_ok=True)
        assert both.effect[0] == pytest.approx(-effect, nan_ok=True)


def test_the_error_is_that_of_leaving_out_each_stretch_of_time() -> None:
    random = np.random.default_rng(1)
    used, block = random.integers(0, 2, 300).astype(float), np.arange(300) // 20
    y = random.random(300) + 0.1 * used
    made = compare_arms(y, used, np.zeros(300, dtype=np.int64), block)
    t, residual = used - used.mean(), y - y.mean()
    without = [
        (t[block != at] @ residual[block != at]) / (t[block != at] @ t[block != at])
        for at in range(15)
    ]
    expected = np.sqrt(14 / 15 * ((np.array(without) - made.effect) ** 2).sum())
    assert made.error == pytest.approx(expected)
    assert 10 < made.freedom <= 14


def log_of(starts: list[float], ends: list[float], failed: list[int], kinds: str) -> RunLog:
    count = len(starts)
    names = [np.array([name] * count, dtype=object) for name in ("ann", "web")]
    return RunLog(
        names[0],
        np.array(list(kinds), dtype=object),
        names[1],
        np.array(starts),
        np.array(ends),
        np.array(failed, dtype=float),
        np.full(count, np.nan),
        pd.DataFrame(index=range(count)),
    )


def test_a_retry_follows_a_failure_that_had_ended() -> None:
    log = log_of(
        [0, 50, 400, 9_000, 200_000], [100, 90, 500, 9_010, 200_001], [1, 1, 1, 0, 0], "aaaaa"
    )
    assert list(retry_lever(log).codes) == [-1, -1, 1, 2, -1]
    mixed = log_of([0, 200, 300], [100, 250, 310], [0, 0, 0], "abc")
    lever = order_lever(mixed)
    assert [lever.labels[at] for at in lever.codes] == ["nothing", "a", "b"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(1, 20)), max_size=30))
def test_the_run_before_is_the_last_that_had_ended(runs: list[tuple[int, int, int]]) -> None:
    runs = sorted(runs, key=lambda run: run[1])
    starts = [float(at) for _, at, _ in runs]
    ends = [float(at + length) for _, at, length in runs]
    log = log_of(starts, ends, [0] * len(runs), "a" * len(runs))
    group = np.array([run[0] for run in runs], dtype=np.int64)
    for at, found in enumerate(previous_ended(log, group)):
        ended = [
            ends[i] for i in range(len(runs)) if group[i] == group[at] and ends[i] <= starts[at]
        ]
        assert (found == -1) == (not ended)
        if ended:
            assert (ends[found], group[found]) == (max(ended), group[at])


def test_a_value_is_recognised_in_later_runs_as_it_was_searched() -> None:
    log = make_world(1).log
    early = np.arange(RUNS // 2)
    [(name, numbers)] = size_inputs(log).items()
    sizes = size_lever(name, numbers, early, 4)
    for lever in (*input_levers(log), sizes):
        for at, label in enumerate(lever.labels):
            edges = size_edges(lever, label) if lever is sizes else ()
            used = uses_value(log, lever.name, label, edges)
            differ = int((used != (lever.codes == at)).sum())
            assert differ <= (4 if lever is sizes else 0), "edges are rounded to 6 digits"


def test_most_actors_without_an_effect_get_no_advice_and_a_real_one_is_found() -> None:
    """`bench/advice.py` does this with 200 actors."""
    wrong = sum(bool(search_choices(make_world(seed).log, "actor").held) for seed in range(8))
    assert wrong <= 2
    world = make_world(10_001, points=0.18)
    [mine] = [one for one in search_choices(world.log, "actor").held if is_about_host(one)]
    assert mine.low < world.change.mean() < mine.high < 0
    assert mine.looked_at > 100 > mine.confirmed


def test_what_goes_with_time_alone_is_no_advice() -> None:
    """Failures fall over the months, and so does the use of a tool. Neither causes the other."""
    log = make_world(2).log
    random = np.random.default_rng(3)
    place = np.arange(RUNS) / RUNS
    failed = (random.random(RUNS) < 0.6 - 0.5 * place).astype(float)
    inputs = log.inputs.assign(old=place + 0.02 * random.random(RUNS) < 0.5, trend=place * 1_000)
    parts = (log.actor, log.kind, log.scope, log.submitted_s, log.finished_s)
    made = search_choices(RunLog(*parts, failed, log.duration_s, inputs), "actor")
    assert not [
        one for one in made.held if "old" in one.choice.lever or "trend" in one.choice.lever
    ]


def test_advice_is_refuted_by_later_runs_and_spends_its_error_once() -> None:
    def later(effect: float, error: float = 0.01, runs: int = 500) -> LaterEffect:
        return LaterEffect(-0.2, effect, error, 30.0, runs, runs)

    assert not is_refuted(later(-0.15))
    assert is_refuted(later(0.0))
    assert not is_refuted(later(0.0, error=0.1)), "too unsure"
    assert not is_refuted(later(0.0, runs=10)), "too few"
    assert is_kind_refuted([later(-0.02)] * 5)
    assert not is_kind_refuted([later(-0.02)] * 4)
    assert not is_kind_refuted([later(-0.2), later(-0.15)] * 3)
    assert sum(look_alpha(look) for look in range(1, 5_000)) / 2 <= 0.05
    assert [is_look_due(runs, before) for runs, before in ((1, None), (149, 100), (150, 100))] == [
        True,
        False,
        True,
    ]
