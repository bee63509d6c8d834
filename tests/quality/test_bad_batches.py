"""Spoilt batches are refused with the reason; clean ones pass, whatever week they are of."""

import re
from functools import cache

import numpy as np
import pytest

from runlore.quality.rules.contract import Contract
from tests.quality.batches import (
    CORRUPTIONS,
    Parted,
    check,
    contract_of,
    old_batch_again,
    part,
    simulated,
    with_inputs,
)

CHANGE = {"change_at": 0.93, "change_size": 1.3, "change_logit": 0.3}
"""A release in the week that is judged: two kinds grow and fail somewhat more."""

CLEAN = {
    **{f"a week, seed {seed}": ({"seed": seed}, 7.0, 7.0) for seed in range(8)},
    **{f"a week-end, seed {seed}": ({"seed": seed}, 2.0, 2.0) for seed in range(3)},
    **{f"two weeks, seed {seed}": ({"seed": seed}, 14.0, 14.0) for seed in range(2)},
    **{f"a day, seed {seed}": ({"seed": seed}, 1.0, 4.0) for seed in range(3)},
    **{f"a mild drift, seed {seed}": ({"seed": seed, **CHANGE}, 7.0, 7.0) for seed in range(2)},
}
GROWTH = {"half as much again": 13_500, "double": 18_000}


@cache
def known(days: float = 7, from_end: float = 7, **given: float) -> tuple[Contract, Parted]:
    parted = part(simulated(**{"change_at": 1.0, **given}), days, from_end)
    return contract_of(parted.taught), parted


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_spoilt_batch_is_refused_with_its_reason(name: str) -> None:
    contract, parted = known(seed=7)
    spoil, reason = CORRUPTIONS[name]
    verdict = check(contract, parted, spoil(parted.batch, np.random.default_rng(1)))
    assert not verdict.passed
    assert any(re.match(reason, each) for each in verdict.reasons), verdict.reasons


def test_an_old_batch_that_comes_again_is_refused() -> None:
    contract, parted = known(seed=7)
    verdict = check(contract, parted, old_batch_again(parted))
    assert [finding.check for finding in verdict.findings] == ["repeats"]
    assert verdict.findings[0].value > 0.9


@pytest.mark.parametrize(("given", "days", "from_end"), CLEAN.values(), ids=CLEAN)
def test_a_clean_batch_passes(given: dict[str, float], days: float, from_end: float) -> None:
    contract, parted = known(days, from_end, **given)
    assert check(contract, parted, parted.batch).reasons == ()


@pytest.mark.parametrize("executions", GROWTH.values(), ids=GROWTH)
def test_a_batch_of_growing_work_passes(executions: int) -> None:
    contract, parted = known(seed=7)
    grown = part(simulated(seed=7, change_at=1.0, executions=executions))
    named = grown.batch.assign(source_id="grown-" + grown.batch["source_id"])
    assert check(contract, parted, named).reasons == ()


def test_a_new_input_beside_the_known_ones_is_no_fault() -> None:
    contract, parted = known(seed=7)
    batch = with_inputs(parted.batch, lambda inputs: inputs.assign(region="eu"))
    assert check(contract, parted, batch).passed


def test_few_rows_are_judged_by_their_number_alone() -> None:
    contract, parted = known(seed=7)
    verdict = check(contract, parted, parted.batch.iloc[-20:].assign(status="failed"))
    assert {finding.check for finding in verdict.findings} <= {"volume"}
    assert "Only 20 rows" in verdict.note


def test_the_counts_that_are_claimed_are_those_that_are_tested() -> None:
    assert len(CORRUPTIONS) + 1 >= 12
    assert len(CLEAN) + len(GROWTH) >= 20


def test_numbers_that_count_up_are_no_change_of_unit() -> None:
    """Such as ids of programs: their middle leaves what training knew, week by week."""
    facts = simulated(seed=7, change_at=1.0)
    ids = np.arange(len(facts)) // 10
    counted = with_inputs(facts, lambda inputs: inputs.assign(program=ids))
    parted = part(counted)
    assert check(contract_of(parted.taught), parted, parted.batch).reasons == ()
