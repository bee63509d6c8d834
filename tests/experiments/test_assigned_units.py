"""Who gets what: stable, in the shares asked for, and never two tests of one group."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.experiments.rules.assignment import Allocation, GroupShare, assign, fraction, free_slot
from runlore.kernel.errors import BadInput, Refused

UNITS = [f"unit-{n}" for n in range(6_000)]
TEST = Allocation("salt", (("control", 1.0), ("b", 2.0), ("c", 1.0)))


def test_a_unit_always_gets_the_same_variant() -> None:
    assert [assign(TEST, unit) for unit in UNITS] == [assign(TEST, unit) for unit in UNITS]


def test_units_fall_where_they_fell_when_this_was_written() -> None:
    """Another hash would move running tests' units."""
    assert fraction("salt", "unit-1") == pytest.approx(0.7415441226118556)
    assert [assign(TEST, unit) for unit in UNITS[:6]] == ["b", "control", "b", "c", "b", "c"]


def test_shares_are_as_large_as_they_say() -> None:
    places = np.array([fraction("salt", str(n)) for n in range(20_000)])
    assert 0 <= places.min() < places.max() < 1
    for share in (0.01, 0.1, 0.5):
        assert abs((places < share).mean() - share) < 4 * np.sqrt(share * (1 - share) / 20_000)


def test_variants_get_their_weights() -> None:
    counts = Counter(assign(TEST, unit) for unit in UNITS)
    assert set(counts) == {"control", "b", "c"}
    for name, share in (("control", 0.25), ("b", 0.5), ("c", 0.25)):
        assert abs(counts[name] / len(UNITS) - share) < 0.03


def test_another_salt_deals_anew() -> None:
    """Of two tests each unit's variants have nothing to do with each other."""
    other = replace(TEST, salt="pepper")
    same = np.mean([assign(TEST, unit) == assign(other, unit) for unit in UNITS])
    assert abs(same - (0.25**2 + 0.5**2 + 0.25**2)) < 0.03


def test_raising_the_exposure_only_adds_units() -> None:
    few, many = replace(TEST, exposure=0.1), replace(TEST, exposure=0.4)
    first = {unit: got for unit in UNITS if (got := assign(few, unit))}
    second = {unit: got for unit in UNITS if (got := assign(many, unit))}
    assert first.items() < second.items()
    assert abs(len(first) / len(UNITS) - 0.1) < 0.02
    assert abs(Counter(first.values())["b"] / len(first) - 0.5) < 0.1


def test_nobody_takes_part_without_a_name_or_without_exposure() -> None:
    assert assign(TEST, "") is None
    assert not any(assign(replace(TEST, exposure=0.0), unit) for unit in UNITS)


def test_two_tests_of_one_exclusion_group_never_share_a_unit() -> None:
    first = free_slot("checkout", [], 0.5)
    second = free_slot("checkout", [first], 0.3)
    tests = [replace(TEST, salt=str(slot), slot=slot) for slot in (first, second)]
    taking = [{unit for unit in UNITS if assign(test, unit)} for test in tests]
    assert not taking[0] & taking[1]
    assert [round(len(units) / len(UNITS), 1) for units in taking] == [0.5, 0.3]


def test_a_slot_that_was_given_back_is_used_again_and_a_full_group_refuses() -> None:
    taken = [GroupShare("g", 0.0, 0.4), GroupShare("g", 0.6, 1.0), GroupShare("other", 0.4, 0.6)]
    found = free_slot("g", taken, 0.2)
    assert (found.low, found.high) == pytest.approx((0.4, 0.6))
    with pytest.raises(Refused, match="no 30% of its units are free"):
        free_slot("g", taken, 0.3)
    assert free_slot("new", taken, 1.0) == GroupShare("new", 0.0, 1.0)


@given(st.lists(st.floats(0.05, 0.5), max_size=12))
def test_slots_of_a_group_never_overlap(shares: list[float]) -> None:
    taken: list[GroupShare] = []
    for share in shares:
        try:
            taken.append(free_slot("g", taken, share))
        except Refused:
            continue
    edges = [(slot.low, slot.high) for slot in sorted(taken, key=lambda slot: slot.low)]
    assert all(one[1] <= other[0] + 1e-9 for one, other in pairwise(edges))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Allocation("", (("a", 1.0),)),
        lambda: Allocation("s", ()),
        lambda: Allocation("s", (("a", 0.0),)),
        lambda: Allocation("s", (("a", float("nan")),)),
        lambda: Allocation("s", (("a", 1.0),), exposure=1.1),
        lambda: GroupShare("", 0.0, 1.0),
        lambda: GroupShare("g", 0.5, 0.5),
        lambda: GroupShare("g", 0.0, 1.1),
        lambda: free_slot("g", [], 0.0),
    ],
)
def test_what_cannot_be_dealt_out_is_refused(wrong: object) -> None:
    with pytest.raises(BadInput):
        wrong()  # type: ignore[operator]
