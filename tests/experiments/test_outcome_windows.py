"""A metric that takes silence for 0 needs a window, or the slower of two equal variants loses."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from runlore.experiments.actions import analysis, lifecycle
from runlore.experiments.actions.lifecycle import Attribution, SeenUnit
from runlore.experiments.rules.analysis import Observed, analyse_metrics
from runlore.experiments.rules.design import Variant, design
from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.views.report import conclude
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import BadInput
from runlore.kernel.moments import moments_of_counts
from runlore.store.engine import Store
from tests.experiments.ab_world import ANN, AT, HOUR, SUCCESS, event, given, plan, send

GUARD = {"name": "cost", "role": "guardrail", "tolerated_loss": 0.1, "event": "cost"}
RATE = {"kind": "ratio", "take": "mean", "per": "view"}
SCORE = {**SUCCESS, "take": "last"}


@pytest.mark.parametrize(
    "metrics",
    [
        *([{**SUCCESS, "take": take}] for take in ("any", "count", "sum")),
        [{**SUCCESS, **RATE}],
        [{**SUCCESS, "kind": "quantile", "take": "sum"}],
        [SCORE, {**GUARD, "kind": "mean", "take": "sum"}],
    ],
)
def test_a_plan_whose_silence_decides_names_the_window_that_it_lacks(
    metrics: list[dict[str, Any]],
) -> None:
    with pytest.raises(BadInput, match="set how many seconds a unit's events count") as refused:
        plan(metrics=metrics, window_s=None).design(None)
    assert refused.value.field == "window_s"
    assert plan(metrics=metrics, window_s=60).design(None)


@pytest.mark.parametrize(
    "metrics",
    [
        *([{**SUCCESS, "take": take}] for take in ("mean", "last", "most", "least")),
        [SCORE, {**SUCCESS, "name": "beside", "role": "secondary"}],
        [SCORE, {**SUCCESS, "name": "watched", "role": "signal"}],
    ],
)
def test_what_is_known_once_it_is_there_or_decides_nothing_needs_none(
    metrics: list[dict[str, Any]],
) -> None:
    assert plan(metrics=metrics, window_s=None).design(None)


def as_of_an_older_release(store: Store, name: str) -> None:
    with store.begin() as connection:
        connection.execute(
            text(
                "UPDATE runlore.ab_tests SET plan = "
                "jsonb_set(plan #- '{metrics,0,cap}', '{window_s}', 'null') WHERE name = :name"
            ),
            {"name": name},
        )


def old_test(store: Store, rule: dict[str, Any]) -> str:
    """A test with an overwhelming difference, planned and started without a window."""
    lifecycle.create(store, plan(units="given", rule=rule), ANN)
    as_of_an_older_release(store, "one")
    with store.begin() as connection:
        connection.execute(text("UPDATE runlore.ab_tests SET started_at = :at"), {"at": AT})
    units = [SeenUnit(f"u{i}", "ab"[i % 2], AT) for i in range(400)]
    lifecycle.sight(store, "one", units, AT)
    send(store, "one", *(event(f"e{i}", f"u{i}") for i in range(1, 400, 2)))
    return "one"


@pytest.mark.parametrize("horizon", ["anytime", "fixed"])
def test_a_test_of_an_older_release_is_shown_with_a_warning_and_decides_nothing(
    store: Store, horizon: str
) -> None:
    name = old_test(store, {"least_units": 50, "least_time_h": 0, "horizon": horizon})
    look = analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    assert (look.answer, look.winner, look.is_final) == ("not yet", None, False)
    assert look.analysis["reasons"][0].startswith("window_s: 'success' counts a unit")
    [comparison] = look.analysis["comparisons"]
    assert (comparison["control_value"], comparison["variant_value"]) == (0.0, 1.0)
    assert (comparison["p_value"], comparison["answer"]) == (1.0, "no difference shown")
    assert (comparison["adjusted_p"], comparison["interval"]["low"]) == (1.0, None)
    assert comparison["withheld"] == look.analysis["reasons"][0]
    assert (look.analysis["fixed"], look.analysis["chi_square"]) == ([], {})
    status = analysis.status(store, name, AT + HOUR)
    assert status.missing[0] == look.analysis["reasons"][0]
    conclusion = conclude(status)
    assert "No conclusion" in conclusion.headline
    assert "runlore ab stop 'one'" in conclusion.advice
    assert lifecycle.stop(store, name, ANN).state == "stopped"


def test_an_old_plan_that_has_not_started_is_refused_at_its_start_and_may_be_replaced(
    store: Store,
) -> None:
    lifecycle.create(store, plan(), ANN)
    as_of_an_older_release(store, "one")
    with pytest.raises(BadInput, match="window_s"):
        lifecycle.start(store, "one", ANN)
    same, is_new = lifecycle.create(store, plan(window_s=None), ANN)
    assert (same.state, is_new) == ("created", False), "the same plan again is the stored test"
    lifecycle.create(store, plan(), ANN, may_replace=True)
    assert lifecycle.start(store, "one", ANN).state == "running"


def test_an_old_plan_without_new_fields_is_the_same_plan_again(store: Store) -> None:
    chosen = plan(metrics=[SCORE], window_s=None)
    lifecycle.create(store, chosen, ANN)
    as_of_an_older_release(store, "one")
    assert lifecycle.create(store, chosen, ANN)[1] is False


def test_units_that_wait_for_the_end_of_their_window_are_counted(store: Store) -> None:
    name = given(store, {f"u{i}": "ab"[i % 2] for i in range(100)}, window_s=1800)
    waits = analysis.status(store, name, AT + HOUR / 4).missing
    assert "100 units wait for the end of their window of 0.5 h" in waits
    assert not any("window" in wait for wait in analysis.status(store, name, AT + HOUR).missing)


def test_equal_variants_of_other_speed_have_no_winner_with_a_window_and_have_one_without() -> None:
    """40 tests of ten days, looked at every 12 h; more in bench/promised/windows.py."""
    rng = np.random.default_rng(9)
    won = {window_h: sum(has_winner(rng, window_h) for _ in range(40)) for window_h in (0, 96)}
    assert won[0] >= 35
    assert won[96] <= 3


def has_winner(rng: np.random.Generator, window_h: float) -> bool:
    """Outcomes of a fifth of the units, after 1 h and after 24 h on average."""
    test = design("delays", (Variant("b"),), (Metric("won", "proportion", "higher"),))
    came = rng.uniform(0, 240, (2, 6_000))
    delay = rng.exponential(1, (2, 6_000)) * np.array([[1.0], [24.0]])
    delay[rng.random((2, 6_000)) > 0.2] = np.inf
    for at in np.arange(24.0, 241, 12):
        is_judged = came <= at - window_h
        is_hit = is_judged & (delay <= (window_h or at - came))
        units, hits = is_judged.sum(axis=1).tolist(), is_hit.sum(axis=1).tolist()
        observed = {
            name: Observed(units[arm], {"won": moments_of_counts(units[arm], hits[arm])})
            for arm, name in enumerate(("control", "b"))
        }
        if analyse_metrics(test, observed, at * HOUR_S).winner:
            return True
    return False
