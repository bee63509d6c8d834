"""Means of skewed values: equal ones have no winner, and a plan may cap them."""

from collections.abc import Callable

import numpy as np
import pytest

from runlore.cli.experiments.output import show_status
from runlore.experiments.actions import analysis
from runlore.experiments.actions.lifecycle import Attribution
from runlore.experiments.rules.comparison import compare
from runlore.experiments.rules.design import DecisionRule
from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.errors import BadInput
from runlore.kernel.moments import Moments, moments_of
from runlore.store.engine import Store
from tests.experiments.ab_world import AT, HOUR, SUCCESS, event, given, plan, send

COST = Metric("cost", "mean", "lower")
RULE = DecisionRule(correction="none")


def exponential(rng: np.random.Generator) -> np.ndarray:
    return rng.exponential(1, (20, 100))


def log_normal(rng: np.random.Generator) -> np.ndarray:
    return rng.lognormal(-2, 2, (20, 100))


def gross(rng: np.random.Generator) -> np.ndarray:
    """A fifth less, but for one unit in 200, which makes up for it."""
    return np.where(rng.random((20, 100)) < 1 / 200, 40.8, rng.exponential(0.8, (20, 100)))


@pytest.mark.parametrize("draw", [log_normal, gross])
def test_equal_means_of_other_shapes_have_no_winner(
    draw: Callable[[np.random.Generator], np.ndarray],
) -> None:
    """150 tests of 2,000 units per arm, 20 looks each; of bench/promised/means.py."""
    rng = np.random.default_rng(3)
    decided = 0
    for _ in range(150):
        held = moments_of([]), moments_of([])
        for one, other in zip(exponential(rng), draw(rng), strict=True):
            held = held[0].merged(moments_of(one)), held[1].merged(moments_of(other))
            if compare(COST, "b", held, RULE).p_value <= RULE.alpha:
                decided += 1
                break
    assert decided <= 5


def test_a_plan_with_a_cap_counts_no_value_beyond_it(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    metric = {**SUCCESS, "kind": "mean", "take": "sum", "better": "lower", "cap": 10}
    units = {f"u{i}": "ab"[i % 2] for i in range(8)}
    name = given(store, units, metrics=[{**metric, "has_covariate": True}])
    rows = [3.0, 5e6, -4.0, -11.0, 10.0, 10.5, 0.0, 2.0]
    send(store, name, *(event(f"e{i}", f"u{i}", value) for i, value in enumerate(rows)))
    send(store, name, *(event(f"b{i}", f"u{i}", 99.0, at=AT - HOUR) for i in (1, 3)))
    status = analysis.status(store, name, AT + HOUR)
    show_status(status, json=False)
    assert "success: values beyond ±10 count as ±10\n" in capsys.readouterr().out
    found = status.observed
    capped, usual = np.clip(rows, -10, 10), [0.0, 10.0, 0.0, 10.0, 0.0, 0.0, 0.0, 0.0]
    for at, variant in enumerate("ab"):
        expected = moments_of(capped[at::2], usual[at::2])
        moments = found[variant].metrics["success"]
        assert isinstance(moments, Moments)
        assert moments.means == pytest.approx(expected.means)
        assert np.allclose(moments.products, expected.products)
        assert np.allclose(moments.thirds, expected.thirds)


def test_a_unit_without_a_value_has_none_under_a_cap_either(store: Store) -> None:
    metric = {**SUCCESS, "kind": "mean", "take": "last", "cap": 10}
    name = given(store, {"x": "a", "y": "a", "z": "b"}, metrics=[metric])
    send(store, name, event("e", "x", 99.0))
    known = analysis.status(store, name, AT + HOUR).observed["a"].metrics["success"]
    assert isinstance(known, Moments)
    assert (known.n, known.means) == (1, (10.0,))


@pytest.mark.parametrize("kind", ["proportion", "quantile"])
def test_only_means_and_ratios_have_a_cap(kind: str) -> None:
    with pytest.raises(BadInput, match="only a mean or a ratio has one") as refused:
        plan(metrics=[{**SUCCESS, "kind": kind, "cap": 10}]).design(None)
    assert refused.value.field == "cap"


def test_what_is_withheld_is_in_the_look_and_has_no_figures(store: Store) -> None:
    metric = {**SUCCESS, "kind": "mean", "take": "last", "better": "lower"}
    name = given(store, {f"u{i}": "ab"[i % 2] for i in range(400)}, metrics=[metric])
    rng = np.random.default_rng(5)
    values = rng.lognormal(0, 2, 400) / np.where(np.arange(400) % 2, 50, 1)
    send(store, name, *(event(f"e{i}", f"u{i}", v) for i, v in enumerate(values.tolist())))
    look = analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    [comparison] = look.analysis["comparisons"]
    assert (look.answer, comparison["answer"]) == ("not yet", "no difference shown")
    assert comparison["needs_units"] > 5_000
    assert comparison["withheld"] in look.analysis["reasons"][0]
    assert (look.analysis["fixed"], comparison["interval"]["low"]) == ([], None)
    assert analysis.status(store, name, AT + HOUR).missing == tuple(look.analysis["reasons"])
