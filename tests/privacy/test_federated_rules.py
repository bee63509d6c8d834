"""Federated learning: one persona moves a sum by no more than is charged, whatever it sends."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.privacy.rules.federated.clipping import (
    client_weights,
    clip_updates,
    sum_updates,
    trimmed_sum,
)
from runlore.privacy.rules.federated.local_updates import (
    ClientRows,
    group_rows,
    local_updates,
    logistic,
)
from runlore.privacy.rules.federated.noise import STEPS, add_noise, noise_scale
from runlore.privacy.rules.federated.personal import split_in_time
from runlore.privacy.rules.federated.policy import FederatedPolicy
from runlore.privacy.rules.federated.training import plan_budget, train_federated

VALUES = st.one_of(
    st.floats(-5, 5), st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e308, 5e-324])
)
UPDATES = st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=12)
MOST = 0.6


def contributions_of(updates: list[list[float]], weights: list[float]) -> np.ndarray:
    names = tuple(map(str, range(len(updates))))
    clipped = clip_updates(names, np.array(updates), np.array(weights), MOST, 1e3)
    return clipped.contributions


@settings(max_examples=150, deadline=None)
@given(UPDATES, st.integers(0, 4), st.floats(0, 1))
def test_one_more_persona_changes_no_sum_by_more_than_its_bound(
    updates: list[list[float]], cut: int, weight: float
) -> None:
    weights = [weight] * len(updates)
    everyone = contributions_of(updates, weights)
    others = contributions_of(updates[:-1], weights[:-1]) if len(updates) > 1 else everyone[:0]
    for total in (sum_updates, lambda values: trimmed_sum(values, cut)):
        assert np.linalg.norm((total(everyone) - total(others)) / STEPS) <= 1


def test_who_sends_nothing_moves_no_trimmed_sum() -> None:
    """Without added zeros the cut would move to others' values: by 1.2 times the bound here."""
    part = round(0.7 * STEPS)
    others = np.array([[part, part, 0], [0, part, part], [part, 0, part]] * 3)
    more = np.vstack([others, np.zeros((1, 3), np.int64)])
    for cut in range(5):
        assert np.array_equal(trimmed_sum(more, cut), trimmed_sum(others, cut))


def test_hostile_updates_are_refused_with_a_reason_and_the_others_count_as_before() -> None:
    honest = [[0.1, 0.2, 0.0], [9.0, 0.0, 0.0]]
    hostile = [[np.nan, 0, 0], [np.inf, 0, 0], [1e30, 0, 0], [1e308, 1e308, 1e308]]
    names = ("ann", "ben", "nan", "inf", "huge", "huger")
    clipped = clip_updates(names, np.array(honest + hostile), np.ones(6), MOST, 1e3)
    assert set(clipped.refused) == set(names[2:])
    assert "NaN" in clipped.refused["nan"]
    assert "1,000" in clipped.refused["huge"]
    assert clipped.clipped == 1
    shortened = np.array([[0.1, 0.2, 0], [MOST, 0, 0]]).sum(axis=0)
    total = clipped.contributions.sum(axis=0) * MOST / STEPS
    np.testing.assert_allclose(total, shortened, atol=1e-5)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_a_local_model_minimises_its_penalised_loss(family: str) -> None:
    rng = np.random.default_rng(3)
    features = np.column_stack([np.ones(40), rng.uniform(-1, 1, (40, 2))])
    targets = rng.normal(0, 1, 40) if family == "linear" else rng.integers(0, 2, 40) * 1.0
    policy = FederatedPolicy(family=family)  # type: ignore[arg-type]
    rows = ClientRows(("ann", "ben"), features, targets, np.array([0, 15]))
    shared = np.array([0.1, -0.2, 0.3])
    found = local_updates(rows, shared, policy)
    penalty = np.array([policy.intercept_shrinkage, policy.shrinkage, policy.shrinkage])
    for place, part in enumerate((slice(0, 15), slice(15, 40))):
        scores = features[part] @ (shared + found[place])
        fitted = scores if family == "linear" else logistic(scores)
        gradient = features[part].T @ (targets[part] - fitted) - penalty * found[place]
        np.testing.assert_allclose(gradient, 0, atol=1e-6)


def test_rows_are_grouped_by_persona_and_later_ones_never_teach() -> None:
    names = ["ben", "ann", "ben", "ben", "ann", "ben", "ben", "cy"]
    targets = np.arange(8.0)
    rows = group_rows(names, np.ones((8, 1)), targets, 4)
    assert rows.personas == ("ann", "ben", "cy")
    assert rows.targets.tolist() == [1, 4, 2, 3, 5, 6, 7]
    split = split_in_time(rows)
    assert split.teaching.targets.tolist() == [1, 4, 2, 3, 5, 7]
    assert split.later.targets.tolist() == [6]
    rest = split.without({"ann"})
    assert rest.teaching.personas == ("ben", "cy")
    assert rest.later.targets.tolist() == [6]
    assert rest.places.tolist() == [0]
    assert client_weights(rows.counts, 4).tolist() == [0.5, 1, 0.25]


def test_the_budgets_of_all_releases_mean_the_promised_epsilon() -> None:
    from runlore.privacy.rules.accounting import epsilon_of

    policy = FederatedPolicy(epsilon=0.7, rounds=5)
    plan = plan_budget(policy)
    spent = plan.opening + plan.mean + 5 * plan.each_round + plan.closing
    assert epsilon_of(spent, policy.delta) <= 0.7 * (1 + 1e-6)
    assert epsilon_of(spent, policy.delta) >= 0.7 * (1 - 1e-6)


def test_noise_is_as_large_as_its_budget_says_and_never_repeats() -> None:
    released = np.array([add_noise(np.zeros(40, np.int64), 1.0, 0.01) for _ in range(10)])
    scale = noise_scale(1.0, 0.01) * STEPS
    assert 0.8 < released.std() / scale < 1.2  # 400 values: 5 standard errors are 0.18
    assert len(np.unique(released)) == released.size


def test_many_personas_teach_a_model_that_few_hostile_ones_cannot_spoil() -> None:
    rng = np.random.default_rng(5)
    truth = np.array([0.4, 0.5, -0.4, 0.3])
    features = np.column_stack([np.ones(12_000), rng.uniform(-1, 1, (12_000, 3))])
    targets = features @ truth + rng.normal(0, 0.3, 12_000)
    rows = ClientRows(
        tuple(map(str, range(400))), features, targets, np.arange(0, 12_000, 30, dtype=np.int64)
    )

    def hostile(updates: np.ndarray) -> np.ndarray:
        sent = updates.copy()
        sent[:15], sent[15:30] = np.nan, 1e30
        return sent

    policy = FederatedPolicy(epsilon=2.0)
    result = train_federated(rows, policy, attack=hostile)
    assert np.abs(result.model - truth).max() < 0.25
    assert len(result.refused) == 30
    robust = train_federated(rows, replace(policy, averaging="trimmed_mean"), attack=hostile)
    assert np.abs(robust.model - truth).max() < 0.3


@pytest.mark.parametrize(
    ("field", "value"),
    [("epsilon", 0.0), ("epsilon", float("nan")), ("delta", 0.1), ("rounds", 21), ("family", "x")],
)
def test_a_policy_that_guards_nothing_is_refused_by_field(field: str, value: object) -> None:
    with pytest.raises(BadInput, match=field):
        FederatedPolicy(**{field: value})  # type: ignore[arg-type]
