"""Outcomes that one variant has less often than the control: nothing is concluded from the rest."""

from dataclasses import replace

import numpy as np
import pytest

from runlore.experiments.rules.analysis import Observed, analyse_metrics
from runlore.experiments.rules.design import Design, Variant, design
from runlore.experiments.rules.missing import LEVEL, OutcomeCoverage, are_apart, missing
from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.durations import DAY_S
from runlore.kernel.moments import Moments

SCORE = Metric("score", "mean", "higher")
COST = Metric("cost", "mean", "lower", "guardrail", tolerated_loss=0.1)
PAIR = design("pair", (Variant("b"),), (SCORE,))
WEEK_S = 7 * DAY_S


def observed(known: int, score: float, due: int = 10_000) -> Observed:
    """So many of 10,000 units are known; the others crashed, or are not due yet."""
    moments = Moments(known, (score,), ((float(known),),))
    return Observed(10_000, {"score": moments}, {"score": OutcomeCoverage(due, known)})


def edge(level: float) -> int:
    """The most of 10,000 that are shown to be fewer than 9,000 of 10,000."""
    control = OutcomeCoverage(10_000, 9_000)
    return next(
        n for n in range(9_000, 0, -1) if are_apart(control, OutcomeCoverage(10_000, n), level)
    )


def test_a_variant_that_posts_nothing_of_what_fails_does_not_win() -> None:
    found = analyse_metrics(
        PAIR, {"control": observed(10_000, 1.0), "b": observed(7_000, 1.3)}, WEEK_S
    )
    assert (found.answer, found.winner, found.is_final) == ("invalid", None, False)
    assert found.reasons == found.missing
    assert found.missing == (
        "outcomes are missing: score is known of 100.0% of the units of 'control' (10,000 of "
        "10,000) and 70.0% of the units of 'b' (7,000 of 10,000)",
    )
    assert not found.sample_ratio.is_mismatch
    assert found.comparisons


def test_outcomes_that_are_missing_alike_take_nothing_away() -> None:
    alike = {"control": observed(7_000, 1.0), "b": observed(7_020, 1.3)}
    found = analyse_metrics(PAIR, alike, WEEK_S)
    assert (found.winner, found.missing) == ("b", ())


def test_units_that_are_not_due_are_not_missed() -> None:
    early = {"control": observed(10_000, 1.0), "b": observed(7_000, 1.3, due=7_000)}
    assert analyse_metrics(PAIR, early, WEEK_S).winner == "b"


def test_of_a_few_units_nothing_is_said() -> None:
    assert not are_apart(OutcomeCoverage(29, 29), OutcomeCoverage(29, 0), 0.5)
    assert not are_apart(OutcomeCoverage(0, 0), OutcomeCoverage(0, 0), 0.5)
    assert are_apart(OutcomeCoverage(200, 200), OutcomeCoverage(200, 20), LEVEL)


def test_metrics_that_decide_nothing_may_miss_what_they_like() -> None:
    beside = replace(PAIR, metrics=(SCORE, replace(COST, role="secondary")))
    apart = {
        "control": {"cost": OutcomeCoverage(10_000, 9_000)},
        "b": {"cost": OutcomeCoverage(10_000, 100)},
    }
    assert missing(beside, apart) == ()
    assert "cost is known of" in missing(replace(PAIR, metrics=(SCORE, COST)), apart)[0]


def test_the_level_is_shared_out_among_variants_and_metrics() -> None:
    """Four comparisons: what one alone would show at the full level is not enough."""
    full, shared = edge(LEVEL), edge(LEVEL / 4)
    assert shared < full

    def told(test: Design, known: int) -> int:
        metrics = [metric.name for metric in test.metrics]
        fine, few = OutcomeCoverage(10_000, 9_000), OutcomeCoverage(10_000, known)
        of = {name: dict.fromkeys(metrics, fine) for name in ("control", "b", "c")}
        of["b"] = {**of["b"], "score": few}
        return len(missing(test, of))

    four = design("four", (Variant("b"), Variant("c")), (SCORE, COST))
    assert [told(PAIR, n) for n in (full + 1, full)] == [0, 1]
    assert [told(four, n) for n in (full, shared + 1, shared)] == [0, 0, 1]


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_fair_tests_are_hardly_ever_told_so_at_every_look(share: float) -> None:
    """2,000 streams of 20 looks; a check for one look at this level would err 1 time in 100."""
    rng = np.random.default_rng(11)
    looks = np.unique(np.geomspace(60, 20_000, 20).astype(int))
    steps = np.diff(looks, prepend=0)
    told = 0
    for _ in range(2_000):
        one, other = np.cumsum(rng.binomial(steps, share, (2, steps.size)), axis=1).tolist()
        told += any(
            are_apart(OutcomeCoverage(due, mine), OutcomeCoverage(due, theirs), LEVEL)
            for due, mine, theirs in zip(looks.tolist(), one, other, strict=True)
        )
    assert told <= 5
