"""Lifetimes, survival models and the choice of slots, beside slow and plain truths."""

import math

import lifelines
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import linear_sum_assignment

from runlore.advice.rules.maintenance.accelerated_life import LifeSample, fit_life
from runlore.advice.rules.maintenance.choosing import choose_survival, log_likelihood
from runlore.advice.rules.maintenance.fixed_intervals import find_interval
from runlore.advice.rules.maintenance.lifetimes import Lifetimes, RenewalLog, build_lifetimes
from runlore.advice.rules.maintenance.remaining import LimitDates, find_remaining
from runlore.advice.rules.maintenance.survival import (
    ConstantHazard,
    fit_accelerated,
    kaplan_meier,
    survival,
)
from runlore.advice.rules.maintenance.visit_costs import MaintenanceCosts, price_visits
from runlore.planning.rules.allocation.slot_choice import choose_slots
from runlore.planning.rules.allocation.solving import TimeBudget


def lives_of(days: np.ndarray, is_failure: np.ndarray, scopes: int = 30) -> Lifetimes:
    count = len(days)
    every = np.arange(count)
    none = np.zeros(count, dtype=bool)
    return Lifetimes(every % scopes, days, is_failure, none, np.zeros((count, 1)), ("x",))


def censored_fleet(
    seed: int, shape: float, count: int = 300, slope: float = 0.0
) -> tuple[Lifetimes, np.ndarray]:
    random = np.random.default_rng(seed)
    scopes = np.arange(count) % 50
    x = random.normal(size=50)[scopes]
    lives = random.weibull(shape, count) * 100 * np.exp(slope * x)
    censored = random.exponential(150, count)
    days, is_failure = np.minimum(lives, censored), lives <= censored
    none = np.zeros(count, dtype=bool)
    return Lifetimes(scopes, days, is_failure, none, x[:, None], ("x",)), x


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=3, max_size=40).filter(
        lambda rows: any(failed for _, failed in rows)
    )
)
def test_kaplan_meier_is_the_product_written_by_hand(rows: list[tuple[int, bool]]) -> None:
    days = np.array([float(day) for day, _ in rows])
    failed = np.array([one for _, one in rows])
    at, share, low, high = kaplan_meier(lives_of(days, failed))
    alive, expected = 1.0, {0.0: 1.0}
    for day in sorted(set(days[failed].tolist())):
        at_risk = sum(one >= day for one in days)
        died = sum(one == day and bad for one, bad in zip(days, failed, strict=True))
        alive *= 1 - died / at_risk
        expected[day] = alive
    assert dict(zip(at.tolist(), share.tolist(), strict=True)) == pytest.approx(expected)
    known = np.isfinite(low) & np.isfinite(high)
    assert np.all(low[known] <= share[known] + 1e-9)
    assert np.all(high[known] >= share[known] - 1e-9)


@pytest.mark.parametrize(
    ("family", "fitter", "names"),
    [
        ("weibull", "WeibullAFTFitter", ("lambda_", "rho_")),
        ("log-normal", "LogNormalAFTFitter", ("mu_", "sigma_")),
        ("log-logistic", "LogLogisticAFTFitter", ("alpha_", "beta_")),
    ],
)
def test_censored_lives_are_fitted_as_lifelines_does(
    family: str, fitter: str, names: tuple[str, str]
) -> None:
    lives, x = censored_fleet(3, 1.7, slope=-0.5)
    sample = LifeSample(np.log(lives.days), lives.is_failure, np.column_stack([np.ones(len(x)), x]))
    mean, spread = fit_life(family, sample)
    frame = pd.DataFrame({"days": lives.days, "failed": lives.is_failure, "x": x})
    known = getattr(lifelines, fitter)(penalizer=0.0).fit(frame, "days", "failed")
    order = [(names[0], "Intercept"), (names[0], "x"), (names[1], "Intercept")]
    sign = np.array([1, 1, -1 if family == "log-normal" else 1])
    assert mean == pytest.approx(sign * known.params_.loc[order].to_numpy(), abs=0.01)
    errors = np.sqrt(np.diag(spread))
    assert errors == pytest.approx(known.standard_errors_.loc[order].to_numpy(), rel=0.03)
    is_ignored = LifeSample(sample.logs, np.ones(len(x), dtype=bool), sample.x)
    assert mean[0] - fit_life(family, is_ignored)[0][0] > 0.3


def test_an_exponential_has_the_mean_of_the_gamma_posterior() -> None:
    model = ConstantHazard(6, 1_200.0)
    days = np.array([[10.0, 100.0, 300.0]])
    found = survival(model, np.array([50.0]), days, np.zeros((1, 0)))
    assert found == pytest.approx((1 + days / 1_200.0) ** -6, rel=0.02)


def test_a_covariate_that_shortens_life_is_recovered() -> None:
    lives, _ = censored_fleet(5, 2.0, slope=-0.6)
    model = fit_accelerated("weibull", lives, with_covariates=True)
    slope = model.draws[:, 1].mean() / model.scales.scale[0]
    assert slope == pytest.approx(-0.6, abs=0.1)


def test_the_likelihood_of_held_out_lives_is_that_of_their_cells() -> None:
    lives = lives_of(np.array([5.0, 15.0, 40.0, 12.0]), np.array([True, True, True, False]))
    model = ConstantHazard(10_000, 200_000.0)  # a rate of 0.05, all but exactly
    edges = np.array([0.0, 10.0, 20.0])

    def alive(day: float) -> float:
        return math.exp(-0.05 * day)

    expected = [1 - alive(10), alive(10) - alive(20), alive(20), alive(12)]
    found = log_likelihood(model, lives, edges)
    assert found == pytest.approx(np.log(expected), rel=2e-3)


def test_without_wear_the_constant_hazard_stands_and_with_wear_it_is_beaten() -> None:
    flat, _ = censored_fleet(11, 1.0)
    made = choose_survival(flat)
    assert made.model.name == "constant"
    assert "does not clearly beat it" in made.reason
    worn, _ = censored_fleet(12, 3.0)
    assert choose_survival(worn).model.name != "constant"
    few = worn.take(np.flatnonzero(worn.is_failure)[:4])
    assert choose_survival(few).model is None
    assert "at least 5" in choose_survival(few).reason


def slow_lifetimes(log: RenewalLog, same: float, age_from: str) -> list[tuple]:
    """Scope by scope, record by record."""
    rows = []
    for scope in range(len(log.first)):
        own = log.scope == scope
        events = sorted(zip(log.day[own], ~log.is_failure[own], strict=True))
        last_failure, clock = -math.inf, log.first[scope] if age_from == "first" else None
        for day, is_visit in events:
            is_same = not is_visit and day - last_failure <= same
            last_failure = last_failure if is_visit else day
            if is_same:
                continue
            if clock is not None and day > clock:
                rows.append((scope, day - clock, not is_visit, False))
            clock = day
        if clock is not None:
            rows.append((scope, max(log.until[scope] - clock, 1e-6), False, True))
    return rows


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20), st.booleans()), max_size=25),
    st.sampled_from(["first", "renewal"]),
    st.sampled_from([0.0, 1.0, 3.0]),
)
def test_lifetimes_are_those_of_a_walk_through_the_records(
    rows: list[tuple[int, int, bool]], age_from: str, same: float
) -> None:
    scope = np.array([one for one, _, _ in rows], dtype=np.int64)
    day = np.array([float(one) for _, one, _ in rows])
    failed = np.array([one for _, _, one in rows], dtype=bool)
    log = RenewalLog(
        scope, day, failed, np.zeros(4), np.full(4, 25.0), np.zeros((len(rows) + 4, 0))
    )
    made = build_lifetimes(log, same, age_from)
    found = list(
        zip(
            made.scope.tolist(),
            made.days.tolist(),
            made.is_failure.tolist(),
            made.is_open.tolist(),
            strict=True,
        )
    )
    assert sorted(found) == sorted(slow_lifetimes(log, same, age_from))


def test_inputs_are_those_known_when_a_life_begins() -> None:
    log = RenewalLog(
        np.array([0, 0]),
        np.array([10.0, 20.0]),
        np.array([True, True]),
        np.array([0.0]),
        np.array([30.0]),
        np.array([[np.nan], [7.0], [3.0]]),
        ("load",),
    )
    made = build_lifetimes(log, 0.0)
    assert made.covariates[:, 0].tolist() == [3.0, 3.0, 7.0]
    rate = 2 / 30
    expected = [0.0, math.log(2 / (10 * rate + 1)), math.log(3 / (20 * rate + 1))]
    assert made.covariates[:, 1] == pytest.approx(expected)


def test_the_price_of_a_visit_is_the_integral_and_its_best_age_is_barlows() -> None:
    shape, scale, costs = 3.0, 100.0, MaintenanceCosts(1.0, 10.0)
    days = np.linspace(0, 400, 4_001)

    def alive(day: float, age: float = 0.0) -> float:
        return math.exp((age / scale) ** shape - ((age + day) / scale) ** shape)

    as_new = np.array([[alive(day) for day in days]])
    interval = find_interval(days, as_new[0], costs)
    ages = np.linspace(20, 90, 141)
    rates = [(10 * (1 - alive(a)) + alive(a)) / quad(alive, 0, a)[0] for a in ages]
    assert interval.days == pytest.approx(ages[np.argmin(rates)], abs=0.6)
    assert interval.rate == pytest.approx(min(rates), rel=1e-3)
    lives = Lifetimes(
        np.array([0]), np.array([30.0]), np.array([False]), np.array([True]), np.zeros((1, 0)), ()
    )

    class Exact:
        name = "exact"

        def log_survival(self, days: np.ndarray, covariates: np.ndarray) -> np.ndarray:
            return -((days / scale) ** shape)[None]

    remaining = find_remaining(Exact(), lives, days)
    priced = price_visits(remaining, as_new, costs, 30.0)
    lived = quad(alive, 0, 12.0, args=(30.0,))[0]
    expected = 10 * (1 - alive(12, 30)) + alive(12, 30) - min(rates) * lived
    assert np.interp(12.0, days, priced.costs[0]) == pytest.approx(expected, abs=2e-3)
    assert 30 + days[priced.costs[0].argmin()] == pytest.approx(interval.days, abs=0.6)
    assert remaining.median[0] == pytest.approx(
        scale * (math.log(2) + 0.3**3) ** (1 / 3) - 30, abs=0.1
    )


def test_no_visit_pays_against_a_constant_hazard() -> None:
    lives = Lifetimes(
        np.zeros(1, int),
        np.array([80.0]),
        np.zeros(1, bool),
        np.ones(1, bool),
        np.zeros((1, 0)),
        (),
    )
    model, days = ConstantHazard(5_000, 500_000.0), np.linspace(0, 2_000, 2_001)
    remaining = find_remaining(model, lives, days)
    priced = price_visits(remaining, remaining.alive, MaintenanceCosts(1, 100), 30.0)
    assert priced.gains(np.array([1.0, 10.0, 29.0])).max() <= 1e-6
    limits = LimitDates(np.array([[3.0, 5.0, 9.0]]))
    near = find_remaining(model, lives, days, limits)
    priced = price_visits(near, remaining.alive, MaintenanceCosts(1, 100), 30.0)
    assert priced.gains(np.array([1.0]))[0, 0] > 50
    assert near.median[0] == pytest.approx(5.0, abs=0.5)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 6))
def test_slots_are_chosen_as_an_exact_assignment_does(seed: int, count: int, slots: int) -> None:
    random = np.random.default_rng(seed)
    gains = random.normal(size=(count, slots))
    room = random.integers(0, 3, slots)
    chosen = choose_slots(gains, room, TimeBudget(5))
    taken = np.flatnonzero(chosen >= 0)
    assert np.all(np.bincount(chosen[taken], minlength=slots) <= room)
    seats = np.maximum(np.repeat(gains, room, axis=1), 0)
    best = seats[linear_sum_assignment(seats, maximize=True)].sum()
    assert gains[taken, chosen[taken]].sum() == pytest.approx(best, abs=1e-4)
