"""Which choices are tested, at which level, and which of them are shown."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.advice import is_about_host, make_world
from runlore.advice.rules.recommendations import searching
from runlore.advice.rules.recommendations.like_with_like import ArmEffect
from runlore.advice.rules.recommendations.searching import (
    MOST_CONFIRMED,
    CheckedChoice,
    Choice,
    most_likely,
    search_choices,
    step_down,
)

UNKNOWN = ArmEffect(np.nan, np.inf, 10, 0, 0, 0.0, 0.0)
HOST = Choice("", "host", "web-2", ("web-1",), "failures", True)


def checked(
    effect: float = -0.2, choice: Choice = HOST, rival: ArmEffect = UNKNOWN
) -> CheckedChoice:
    arm = ArmEffect(effect, 0.05, 40, 100, 100, 0.3, 0.9)
    return CheckedChoice(choice, arm, effect, rival, 0.3, None)


def plain_holm(p: list[float], alpha: float) -> set[int]:
    rejected: set[int] = set()
    for step, at in enumerate(sorted(range(len(p)), key=lambda at: p[at])):
        if p[at] > alpha / (len(p) - step):
            break
        rejected.add(at)
    return rejected


@given(st.lists(st.floats(0.5, 6), min_size=1, max_size=6), st.sampled_from([0.01, 0.05, 0.2]))
def test_levels_step_down_as_holm_says(scores: list[float], alpha: float) -> None:
    choices = [checked(-0.05 * score) for score in scores]
    sure = {id(one): level for one, level in step_down(choices, alpha)}
    expected = plain_holm([one.effect.p() for one in choices], alpha)
    assert {at for at, one in enumerate(choices) if id(one) in sure} == expected
    assert all(alpha / len(scores) <= level <= alpha for level in sure.values())


def test_what_to_do_is_tested_before_what_to_avoid() -> None:
    def candidate(score: float, lever: str, *, is_better: bool) -> tuple[float, Any]:
        choice = replace(HOST, lever=lever, is_better=is_better)
        return score, (SimpleNamespace(), SimpleNamespace(), choice)

    found = [candidate(9 - at, f"input:{at}", is_better=False) for at in range(5)]
    found += [candidate(2.5, "input:0", is_better=True)]
    chosen = [one[2] for one in most_likely(found)]
    assert [one.lever for one in chosen] == ["input:1", "input:2", "input:3", "input:4"]
    assert len(chosen) == MOST_CONFIRMED
    [kept] = [one[2] for one in most_likely([found[0], found[-1]])]
    assert kept.is_better


@pytest.mark.parametrize(
    ("choice", "is_shown"),
    [
        (checked(), True),
        (checked(-0.005), False),
        (replace(checked(), share=0.95), False),
        (checked(rival=ArmEffect(0.5, 0.1, 40, 100, 100, 1.0, 0.9)), False),
        (checked(rival=ArmEffect(-0.5, 0.1, 40, 100, 100, 1.0, 0.9)), True),
        (checked(-math.log(1.9), replace(HOST, measure="duration")), True),
        (checked(-math.log(2.1), replace(HOST, measure="duration")), False),
        (checked(-math.log(2.1), replace(HOST, lever="input:cache", measure="duration")), True),
    ],
    ids=["real", "small", "done", "at a price", "no price", "host", "other work", "cache"],
)
def test_only_what_matters_costs_nothing_and_is_the_same_work_is_shown(
    choice: CheckedChoice, is_shown: bool
) -> None:
    assert (choice.hold(0.05, (50, 4)) is not None) is is_shown


def test_each_half_confirms_what_the_other_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an effect in one half only, neither half shows anything; the error is halved, too."""
    levels: list[float] = []
    plain = searching.step_down
    monkeypatch.setattr(
        searching, "step_down", lambda turn, alpha: levels.append(alpha) or plain(turn, alpha)
    )
    first = make_world(10_001, points=0.3).log
    null = make_world(10_001, is_confounded=True).log
    half = len(first) // 2
    for begin in (0, half):
        rows = np.arange(begin, begin + half)
        failed = null.failed.copy()
        failed[rows] = first.failed[rows]
        held = search_choices(replace(first, failed=failed), "actor", 0.05).held
        assert not [one for one in held if is_about_host(one)]
    assert levels == [0.025] * 4
