"""Projects: the longest path, sums whose errors go together, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.planning.rules.projects.precedence import order_tasks
from runlore.planning.rules.projects.simulation import AlikeTasks, run_project, simulate_amounts
from runlore.planning.rules.residual_spread import ResidualSpread
from runlore.planning.rules.shared_errors import (
    CORRELATIONS,
    HeldSums,
    SharedErrors,
    learn_shared_errors,
)


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """Of each task, the earlier ones it waits for."""
    count = draw(st.integers(1, 7))
    return [sorted(draw(st.sets(st.integers(0, at - 1)))) if at else [] for at in range(count)]


def paths_to(at: int, after: list[list[int]]) -> list[list[int]]:
    """All that lead to a task, itself the last."""
    if not after[at]:
        return [[at]]
    return [[*path, at] for before in after[at] for path in paths_to(before, after)]


@given(graphs(), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_the_span_is_the_longest_of_all_paths(after: list[list[int]], seed: int) -> None:
    random = np.random.default_rng(seed)
    count, runs = len(after), 5
    amounts = random.lognormal(0, 1, (runs, count))
    shuffled = random.permutation(count)  # position -> task
    places = np.argsort(shuffled)
    moved = [[int(places[before]) for before in after[task]] for task in shuffled]
    names = [str(task) for task in shuffled]
    order = order_tasks(names, [[names[at] for at in waits] for waits in moved])
    found = run_project(amounts[:, shuffled], order, moved)
    paths = [path for at in range(count) for path in paths_to(at, after)]
    lengths = np.array([[run[path].sum() for path in paths] for run in amounts])
    assert found.span == pytest.approx(lengths.max(axis=1))
    assert found.total == pytest.approx(amounts.sum(axis=1))
    longest = [set(paths[at]) for at in lengths.argmax(axis=1)]
    share = [np.mean([task in path for path in longest]) for task in shuffled]
    assert found.critical == pytest.approx(share)


def test_errors_that_go_together_make_a_sum_less_certain() -> None:
    spread = ResidualSpread(np.sort(np.random.default_rng(1).normal(size=400)))

    def width(correlation: float) -> float:
        shared = SharedErrors((correlation == CORRELATIONS) * 1.0)
        part = AlikeTasks(np.arange(50), np.zeros(50), np.full(50, 0.3), spread, shared)
        totals = np.log(simulate_amounts([part]).sum(axis=1))
        return float(np.quantile(totals, 0.9) - np.quantile(totals, 0.1))

    alone = 2 * 1.2816 * 0.3 * spread.scaled.std()
    assert width(0.0) == pytest.approx(alone / np.sqrt(50), rel=0.15)
    assert width(0.9) == pytest.approx(alone * np.sqrt(0.9), rel=0.15)


@pytest.mark.parametrize("planted", [0.0, 0.34, 0.75])
def test_the_correlation_of_errors_is_found_again(planted: float) -> None:
    random = np.random.default_rng(3)
    groups = np.repeat(np.arange(100), 10)
    shared = random.normal(size=100)[groups]
    errors = np.sqrt(planted) * shared + np.sqrt(1 - planted) * random.normal(size=1000)
    mixed = np.argsort(np.tile(np.arange(10), 100), kind="stable")  # groups take turns
    held = HeldSums(np.zeros(1000), np.full(1000, 0.5), 0.5 * errors[mixed], groups[mixed].tolist())
    found = learn_shared_errors(held, ResidualSpread(np.sort(errors)))
    assert found.mean == pytest.approx(planted, abs=0.1)


def test_few_tasks_leave_the_correlation_unknown() -> None:
    errors = np.tile([-1.0, 0.0, 1.0], 5)
    held = HeldSums(np.zeros(15), np.ones(15), errors, [None] * 15)
    few = learn_shared_errors(held, ResidualSpread(np.sort(errors)))
    assert few.weights.max() < 0.5
    none = learn_shared_errors(HeldSums(*np.zeros((3, 2)), ["a", "b"]), ResidualSpread(errors))
    assert none.weights.tolist() == pytest.approx([1 / 11] * 11)


@pytest.mark.parametrize(
    ("ids", "after", "words"),
    [
        (["a", "b", "a"], [[], [], []], "id 'a' occurs twice"),
        (["a", "b"], [[], ["c"]], "tasks.1.after: 'b' waits for 'c'"),
        (["a", "b"], [["b"], ["a"]], "is a cycle"),
        (["a"], [["a"]], "'a' before 'a' is a cycle"),
    ],
)
def test_what_has_no_order_is_refused(ids: list[str], after: list[list[str]], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        order_tasks(ids, after)
