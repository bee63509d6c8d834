"""Whatever a plan and its events hold within their bounds, a test can be looked at."""

from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from runlore.kernel import instants

NAMES = (f"test {number}" for number in count())
VALUES = st.sampled_from((0.0, 1.0, -1.0, 5e-324, 1e-300, 1e-9, 1e9, 1e15, -1e30, 1e30))
KINDS = st.sampled_from(("proportion", "mean", "ratio", "quantile"))
TAKES = st.sampled_from(("any", "count", "sum", "mean", "last", "most", "least"))
RULES = st.fixed_dictionaries(
    {
        "horizon": st.sampled_from(("anytime", "fixed")),
        "alpha": st.sampled_from((1e-9, 0.05, 0.5)),
        "least_units": st.just(2),
        "least_time_h": st.just(0),
        "correction": st.sampled_from(("none", "bonferroni", "holm", "benjamini-hochberg")),
        "narrowest_at_units": st.sampled_from((1, 1000, 10**9)),
    }
)


WINDOW_S = 3600
MEAN = {"kind": "mean", "event": "conversion", "take": "mean", "has_covariate": True}
TO_NOTHING = {**MEAN, "kind": "ratio", "per": "conversion", "per_take": "sum"}


@st.composite
def metrics(draw: st.DrawFn, name: str, role: str) -> dict[str, Any]:
    kind = draw(KINDS)
    return {
        "name": name,
        "role": role,
        "event": "conversion",
        "kind": kind,
        "take": draw(TAKES),
        "per": "conversion" if kind == "ratio" else None,
        "per_take": draw(st.sampled_from(("count", "sum"))),
        "better": draw(st.sampled_from(("higher", "lower"))),
        "tolerated_loss": draw(st.sampled_from((5e-324, 1e-9, 0.1, 1e12))),
        "loss_is": draw(st.sampled_from(("relative", "absolute"))),
        "quantile": draw(st.sampled_from((1e-6, 0.5, 1 - 1e-6))),
        "has_covariate": kind != "quantile" and draw(st.booleans()),
        "cap": draw(st.sampled_from((None, 1e-9, 1e30))) if kind in ("mean", "ratio") else None,
    }


PLANS = given(
    primary=metrics("one", "primary"),
    guardrail=metrics("other", "guardrail"),
    rule=RULES,
    units=st.sampled_from((1, 4, 80, 200)),
    values=st.lists(VALUES, min_size=1, max_size=4),
)
ON_ONE_SERVICE = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@settings(ON_ONE_SERVICE, max_examples=30)
@example(
    primary={**MEAN, "name": "one"},
    guardrail={**MEAN, "name": "other", "role": "secondary"},
    rule={"least_units": 2, "least_time_h": 0, "horizon": "fixed"},
    units=200,
    values=[1e15, 1e9, 1e9],
)
@example(
    primary={**TO_NOTHING, "name": "one"},
    guardrail={**TO_NOTHING, "name": "other", "role": "secondary"},
    rule={"least_units": 2, "least_time_h": 0},
    units=80,
    values=[5e-324],
)
@PLANS
def test_any_plan_and_any_values_can_be_looked_at(client: httpx.Client, **drawn: Any) -> None:
    look_at(client, **drawn)


@pytest.mark.exhaustive
@settings(ON_ONE_SERVICE, max_examples=300)
@PLANS
def test_many_plans_and_values_can_be_looked_at(client: httpx.Client, **drawn: Any) -> None:
    look_at(client, **drawn)


def look_at(
    client: httpx.Client,
    primary: dict[str, Any],
    guardrail: dict[str, Any],
    rule: dict[str, Any],
    units: int,
    values: list[float],
) -> None:
    """Run a test from its plan to its analysis; every request must succeed."""
    name, exposed_at = next(NAMES), instants.now() - 2 * timedelta(seconds=WINDOW_S)
    plan = {
        "name": name,
        "units": "given",
        "variants": [{"name": "a"}, {"name": "b"}],
        "control": "a",
        "metrics": [primary, guardrail],
        "rule": rule,
        "window_s": WINDOW_S,
    }
    sighted = [
        {"unit": f"u{number}", "variant": "ab"[number % 2], "at": exposed_at.isoformat()}
        for number in range(units)
    ]
    after, before = (exposed_at.isoformat(), (exposed_at - timedelta(days=9)).isoformat())
    events = [
        {"id": f"{number} {at}", "unit": f"u{number}", "event": "conversion", "at": at, "value": v}
        for number in range(units)
        for at in (after, before)
        for v in [values[number % len(values)]]
        if number % 5 or at == after
    ]
    asked = (
        ("POST", "/ab-tests", plan),
        ("POST", f"/ab-tests/{name}/start", {}),
        ("POST", f"/ab-tests/{name}/units", {"units": sighted}),
        ("POST", f"/ab-tests/{name}/events", events),
        ("POST", f"/ab-tests/{name}/analyses", {}),
        ("GET", f"/ab-tests/{name}", None),
        ("GET", f"/ab-tests/{name}/analyses", None),
    )
    for method, way, body in asked:
        answer = client.request(method, way, json=body)
        assert answer.is_success, answer.text
