"""Estimates from few tasks: known truths, honest widths, and the promise of 15 %."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.kernel.errors import Refused
from runlore.planning.rules import small_models
from runlore.planning.rules.estimate_scores import score_estimates
from runlore.planning.rules.estimator import Estimator, fit_estimator
from runlore.planning.rules.holding_out import OutcomeTimes, hold_out
from runlore.planning.rules.promise import KEPT, learn_promise
from runlore.planning.rules.residual_spread import ResidualSpread
from runlore.planning.rules.task_table import learn_encoder
from runlore.planning.rules.weighting import weigh_models
from runlore.plots.style import wilson
from tests.planning.finished_tasks import described

LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(scope="module")
def fitted() -> Estimator:
    return fit_estimator(*described(80))


@pytest.fixture(scope="module")
def sure() -> Estimator:
    """Of work that repeats: its noise is 3 %."""
    return fit_estimator(*described(80, noise=0.03))


def test_the_intervals_hold_for_new_tasks(fitted: Estimator) -> None:
    tasks, amounts = described(300, seed=1)
    made = [fitted.estimate(task, LEVELS) for task in tasks]
    inside = [
        one.quantiles[0.1] <= amount <= one.quantiles[0.9]
        for one, amount in zip(made, amounts, strict=True)
    ]
    assert 0.7 <= np.mean(inside) <= 0.92
    errors = np.abs(np.log([one.value for one in made]) - np.log(amounts))
    assert np.median(errors) < 0.3, "the noise alone has 0.2"
    assert fitted.scores.mae < 0.6 * fitted.scores.mae_median


def test_work_that_repeats_is_promised_and_noise_is_not(sure: Estimator, fitted: Estimator) -> None:
    new, truth = described(200, seed=2, noise=0.03)
    made = [sure.estimate(task) for task in new]
    kept = [
        abs(amount - one.value) <= 0.15 * amount
        for one, amount in zip(made, truth, strict=True)
        if one.is_promised
    ]
    assert len(kept) > 40
    assert np.mean(kept) >= 0.8
    assert fitted.promise.threshold is None
    assert not any(fitted.estimate(task).is_promised for task in new[:20])


def test_reasons_say_which_input_moves_the_estimate_by_how_much(sure: Estimator) -> None:
    """The truth: twice as much with java, and in proportion to the size."""
    size = sure.encoder.columns[0].usual
    assert isinstance(size, float)
    usual = sure.encoder.columns[1].usual
    other = {"go": "java", "java": "go"}[str(usual)]
    big, tool = sure.explain({"size": 3 * size, "tool": other})
    assert (big.name, tool.name, tool.value, tool.usual) == ("size", "tool", other, usual)
    assert big.change == pytest.approx(2, rel=0.25)
    assert tool.change == pytest.approx(1 if other == "java" else -0.5, rel=0.25)
    assert sure.explain({"size": size, "tool": usual}) == ()
    assert sure.explain({}) == ()


def titled(number: int, *, is_telling: bool) -> tuple[list[dict], np.ndarray]:
    """Crashes take four times as long as typos, if titles tell."""
    random = np.random.default_rng(7)
    topics = random.choice(["crash", "typo"], number)
    words = np.array(["parser", "login", "page", "report", "export", "cache", "index", "menu"])
    titles = [f"{topic} in the {' '.join(random.choice(words, 3))}" for topic in topics]
    if is_telling:
        amounts = np.where(topics == "crash", 4.0, 1.0) * random.lognormal(0, 0.2, number)
    else:
        amounts = random.lognormal(0, 1, number)
    return [{"title": title} for title in titles], amounts


@pytest.mark.parametrize("is_telling", [True, False])
def test_text_counts_where_it_tells_something(
    is_telling: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_models, "TREES", 5)
    tasks, amounts = titled(90, is_telling=is_telling)
    made = fit_estimator(tasks, amounts)
    crash, typo = (
        made.estimate({"title": f"{topic} in the menu index login"}) for topic in ("crash", "typo")
    )
    if is_telling:
        assert 3 < crash.value / typo.value < 5
        [reason] = made.explain({"title": "crash in the menu index login"})
        assert (reason.name, reason.value) == ("title", "its text")
        assert reason.change > 0.3
        assert crash.unknown == ()
    else:
        assert made.scores.mae <= 1.1 * made.scores.mae_median


def test_noise_is_answered_with_the_median_or_the_mean() -> None:
    random = np.random.default_rng(5)
    tasks = [{"size": float(size)} for size in random.normal(0, 1, 40)]
    amounts = random.lognormal(0, 1, 40)
    noise = fit_estimator(tasks, amounts)
    assert noise.scores.mae <= 1.1 * noise.scores.mae_median


def test_a_task_unlike_any_other_has_wider_bounds_and_no_promise(sure: Estimator) -> None:
    usual = sure.estimate({"size": 20.0, "tool": "go"}, LEVELS)
    odd = sure.estimate({"size": 1e7, "tool": "cobol", "colour": "red"}, LEVELS)
    assert odd.similarity == 0
    assert not odd.is_promised
    assert odd.unknown == ("colour", "tool")
    assert odd.quantiles[0.9] / odd.value > usual.quantiles[0.9] / usual.value


def test_by_time_no_answer_knows_an_outcome_of_its_future() -> None:
    """A model that remembers the greatest position it has learned from."""
    count = 240
    rows, times = np.arange(count, dtype=float)[:, None], np.arange(count) * 10
    known = times + 75
    seen = {"last": lambda train, values: lambda asked: np.full(len(asked), train.max())}
    held = hold_out(rows, np.zeros(count), OutcomeTimes(times, known), seen)
    assert held.validation == "by time"
    assert held.at.tolist() == list(range(count // 2, count))
    for at, (last,) in zip(held.at, held.answers, strict=True):
        assert known[int(last)] <= times[at]


@given(st.lists(st.floats(0.1, 1e6), min_size=2, max_size=30))
@settings(max_examples=50, deadline=None)
def test_standardised_accuracy_is_that_of_all_pairs(amounts: list[float]) -> None:
    truth = np.array(amounts)
    pairs = [abs(a - b) for a, b in itertools.permutations(amounts, 2)]
    scores = score_estimates(truth, np.full(len(truth), 3.0), truth, {})
    if np.mean(pairs) > 1e-6 * truth.max():
        expected = 1 - np.abs(truth - 3.0).mean() / np.mean(pairs)
        assert scores.sa == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(st.integers(0, 10_000), st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_a_promise_was_kept_in_at_least_80_percent(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.random(count).round(1)
    is_within = random.random(count) < probabilities
    made = learn_promise(probabilities, is_within)
    if made.threshold is not None:
        chosen = is_within[probabilities >= made.threshold]
        assert wilson(np.array([chosen.sum()]), np.array([len(chosen)]))[0][0] >= KEPT
        assert made.kept is not None
        assert made.kept >= KEPT


def test_what_is_kept_is_not_told_on_the_tasks_that_the_threshold_was_chosen_on() -> None:
    """Of worlds where a promise was made, as many new tasks keep it as was told, 1 point apart."""
    random = np.random.default_rng(4)
    told, new = [], []
    for _ in range(400):
        probabilities = random.beta(2, 1, 150)
        made = learn_promise(probabilities, random.random(150) < probabilities)
        if made.threshold is not None:
            told.append(made.kept)
            later = random.beta(2, 1, 2_000)
            new.append(later[later >= made.threshold].mean())
    assert len(told) > 200
    assert np.mean(told) == pytest.approx(np.mean(new), abs=0.01)


@given(st.integers(0, 10_000), st.integers(2, 60))
@settings(max_examples=50, deadline=None)
def test_quantiles_rise_with_their_level(seed: int, count: int) -> None:
    spread = ResidualSpread(np.sort(np.random.default_rng(seed).normal(size=count)))
    values = [spread.quantile(level) for level in np.linspace(0.001, 0.999, 99)]
    assert (np.diff(values) >= -1e-9).all()


def test_the_choice_follows_what_has_worked_of_late() -> None:
    errors = np.ones((2000, 2))
    errors[:1000, 0], errors[1000:, 1] = 0.3, 0.3
    assert weigh_models(errors, has_order=True)[1] > 0.9
    assert weigh_models(errors, has_order=False) == pytest.approx([0.5, 0.5])


def test_a_word_among_numbers_and_missing_values_are_no_fault() -> None:
    tasks: list[dict] = [{"n": n, "tool": "a" if n % 2 else "b"} for n in range(18)]
    tasks += [{"n": "many"}, {"n": None, "tool": None}, {}]
    encoder = learn_encoder(tasks)
    assert encoder.names == ("n", "tool")
    assert np.isfinite(encoder.encode([*tasks, {"n": float("inf")}])).all()


def test_too_few_or_equal_amounts_are_refused() -> None:
    tasks, amounts = described(9)
    with pytest.raises(Refused, match="9 tasks are too few"):
        fit_estimator(tasks, amounts)
    with pytest.raises(Refused, match="took the same"):
        fit_estimator(tasks * 2, np.ones(18))
    with pytest.raises(Refused, match="above 0"):
        fit_estimator(tasks * 2, np.arange(18.0))


def test_without_an_input_the_past_as_a_whole_answers() -> None:
    _, amounts = described(15)
    made = fit_estimator([{} for _ in amounts], amounts).estimate({"size": 4}, (0.02, 0.98))
    assert amounts.min() <= made.value <= amounts.max()
    assert made.quantiles[0.02] <= amounts.min(), "15 tasks do not show their 2 % tails"
    assert made.quantiles[0.98] >= amounts.max()
