"""What one persona changes, what is charged for it, and how attacks would show too little noise."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.privacy.rules.accounting import charged, epsilon_spent, granted
from runlore.privacy.rules.aggregates import AggregatePlan, plan_aggregate, release_aggregate
from runlore.privacy.rules.auditing import audit_epsilon
from runlore.privacy.rules.mechanisms import count_keys, sum_by_key, vote_counts
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.privacy.rules.summaries import PersonaSummaries

RATES = st.floats(allow_nan=True, allow_infinity=True)
TAGGED = st.lists(st.tuples(st.sampled_from("abcdefg"), RATES), max_size=9)
PERSONA = st.tuples(RATES, st.integers(-1, 23), TAGGED)


def summaries(personas: list) -> PersonaSummaries:
    tagged = [(n, *pair) for n, (_, _, pairs) in enumerate(personas) for pair in pairs]
    return PersonaSummaries(
        np.array([rate for rate, _, _ in personas], np.float64),
        np.array([hour for _, hour, _ in personas], np.int64),
        np.array([n for n, _, _ in tagged], np.int64),
        tuple(tag for _, tag, _ in tagged),
        np.array([lift for _, _, lift in tagged], np.float64),
    )


@pytest.fixture(scope="module")
def noiseless() -> AggregatePlan:
    """A plan whose mechanisms hand on what noise would be added to."""
    plan = plan_aggregate(PrivacyPolicy())
    bare = {
        name: replace(one, measurement=_handed_on) for name, one in vars(plan.mechanisms).items()
    }
    bare["personas"] = replace(plan.mechanisms.personas, measurement=_count_votes)
    return replace(plan, mechanisms=replace(plan.mechanisms, **bare))


def _count_votes(votes: list[int]) -> list[int]:
    return [len(votes)]


def _handed_on(values: object) -> object:
    return values


@settings(max_examples=50)
@given(st.lists(PERSONA, max_size=6), PERSONA)
def test_one_persona_changes_what_is_summed_by_no_more_than_declared(
    noiseless: AggregatePlan, others: list, one: tuple
) -> None:
    without = release_aggregate(noiseless, summaries(others))
    with_one = release_aggregate(noiseless, summaries([*others, one]))
    policy = noiseless.policy
    assert with_one.personas - without.personas == 1
    for name, bound in (("rate_sum", 10_000), ("spread_sum", 5_000)):
        before, after = getattr(without, name), getattr(with_one, name)
        assert len(after) - len(before) <= 1
        assert all(abs(value) <= bound for value in after)
    for name in ("rates", "hours"):
        assert len(getattr(with_one, name)) - len(getattr(without, name)) <= 1
    tags = {tag: with_one.hashtags.get(tag, 0) - without.hashtags.get(tag, 0) for tag in "abcdefg"}
    assert set(tags.values()) <= {0, 1}
    assert sum(tags.values()) <= policy.hashtags_each
    lifts = [with_one.lifts.get(tag, 0) - without.lifts.get(tag, 0) for tag in "abcdefg"]
    assert np.linalg.norm(lifts) <= 5_000 * np.sqrt(policy.hashtags_each) + 1e-6


@settings(max_examples=12)
@given(st.floats(0.05, 10), st.integers(1, 50))
def test_the_aggregates_of_a_month_fit_into_its_budget(epsilon: float, aggregates: int) -> None:
    policy = PrivacyPolicy(epsilon=round(epsilon, 2), aggregates=aggregates)
    loss, allowed = plan_aggregate(policy).loss, granted(policy)
    assert 0.99 * allowed.rho < aggregates * loss.rho <= allowed.rho
    assert aggregates * loss.delta <= allowed.delta
    assert epsilon_spent(allowed, policy) <= policy.epsilon
    plain = allowed.rho * 1e-12 + 2 * np.sqrt(allowed.rho * 1e-12 * np.log(2 / policy.delta))
    assert plain >= 0.999 * policy.epsilon  # the textbook's conversion grants less


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abcde"), st.integers(-9, 9))))
def test_each_persona_counts_with_its_first_keys_alone(rows: list) -> None:
    first: dict[int, list[str]] = {}
    sums: dict[str, int] = {}
    for persona, key, value in rows:
        mine = first.setdefault(persona, [])
        if key not in mine and len(mine) < 2:
            mine.append(key)
            sums[key] = sums.get(key, 0) + max(-5, min(5, value))
    personas = np.array([row[0] for row in rows], np.int64)
    keys, values = [row[1] for row in rows], np.array([row[2] for row in rows], np.int64)
    counts = count_keys(personas, keys, 2)
    assert counts == {k: sum(k in mine for mine in first.values()) for k in sums}
    names = sorted(counts)
    assert sum_by_key(personas, keys, values, names, 2, 5).tolist() == [sums[k] for k in names]


@pytest.mark.parametrize("rho", [float("nan"), float("inf"), -0.1])
def test_no_loss_that_is_none_is_charged(rho: float) -> None:
    with pytest.raises(ValueError, match="not a privacy loss"):
        charged(rho)
    assert charged(1e-13).rho == 1


def test_what_is_no_policy_is_refused() -> None:
    for wrong in ({"epsilon": float("nan")}, {"epsilon": 0.0}, {"delta": 0.5}, {"aggregates": 0}):
        with pytest.raises(BadInput, match=next(iter(wrong))):
            PrivacyPolicy(**wrong)


def test_an_audit_finds_too_little_noise_and_passes_enough() -> None:
    rho = 0.5  # epsilon 1 of pure differential privacy
    honest, weak = vote_counts(1, rho), vote_counts(1, 25 * rho)
    without = [honest.release([0] * 20)[0] for _ in range(1_000)]
    with_one = [honest.release([0] * 21)[0] for _ in range(1_000)]
    assert audit_epsilon(with_one, without).epsilon <= 1
    without = [weak.release([0] * 20)[0] for _ in range(1_000)]
    with_one = [weak.release([0] * 21)[0] for _ in range(1_000)]
    caught = audit_epsilon(with_one, without)
    assert caught.epsilon > 1.5
    assert caught.auc > 0.9
