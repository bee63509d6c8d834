"""Intervals as wide as the work they are for: residuals in units of their expected size."""

from dataclasses import replace

import numpy as np
import pytest

from runlore.models.bundle import Bundle
from runlore.models.onnx_session import run, session
from runlore.models.scores import covered, pinball_loss
from runlore.training.actions import bundle_files
from runlore.training.rules import distributions, fitting
from runlore.training.rules.distributions import residual_distribution
from runlore.training.rules.export import to_onnx
from runlore.training.rules.residual_scale import FLOOR, LARGEST, LEAST_ROWS, fit_scale
from tests.training.small import DURATION, PLAN, column, make

LINEAR = replace(DURATION, candidates=("baseline", "linear"))


def noisy(n: int, seed: int, sigma: tuple[float, float]):
    """Rows whose first column chooses between two sizes of residuals, and the residuals."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 6)).astype(np.float32)
    rows[:, 0] = rng.random(n) < 0.3
    return rows, rng.normal(size=n) * np.where(rows[:, 0] > 0, sigma[1], sigma[0])


@pytest.fixture(scope="module")
def trained():
    """1,500 rows, a tenth of which scatter by a multiple of what the others do."""
    return fitting.fit(LINEAR, make(LINEAR, 1500), PLAN)


def test_intervals_hold_in_the_group_that_scatters_most_and_are_narrow_elsewhere(trained):
    test = trained.test
    held = covered(test.target, test.low, test.high)
    width = np.log1p(test.high) - np.log1p(test.low)
    scatters = test.rows[:, column("kind")] == 1
    assert held[scatters].mean() == pytest.approx(0.9, abs=0.06)
    assert held[~scatters].mean() == pytest.approx(0.9, abs=0.06)
    assert width[scatters].mean() > 1.8 * width[~scatters].mean()


def test_a_bundle_scales_its_intervals_as_training_did(trained, tmp_path):
    bundle_files.write(tmp_path, trained)
    served, test = Bundle.load(tmp_path), trained.test
    assert served.description["graphs"] == ["model.onnx", "scale.onnx"]
    answers = served.predict(test.rows)
    np.testing.assert_allclose(answers.low, test.low, rtol=1e-3)
    np.testing.assert_allclose(answers.high, test.high, rtol=1e-3)


def test_a_scale_is_the_same_number_in_serving_and_for_one_row_alone():
    rows, residuals = noisy(800, 1, (0.2, 1.0))
    scale = fit_scale(rows, residuals).fitted
    graph = session(to_onnx(scale, rows.shape[1]))
    together = run(graph, rows)
    assert (together == scale.raw(rows)).all()
    assert [run(graph, rows[at : at + 1])[0] for at in range(50)] == together[:50].tolist()


def test_the_scales_that_calibrate_come_from_trees_that_have_not_seen_the_row():
    """Of pure noise trees know what they have seen; a row's own residual must not widen its own."""
    rows, residuals = noisy(400, 2, (1.0, 1.0))
    scale = fit_scale(rows, residuals)
    seen = np.corrcoef(scale.fitted.raw(rows), np.abs(residuals))[0, 1]
    unseen = np.corrcoef(scale.unseen, np.abs(residuals))[0, 1]
    assert seen > 0.5
    assert abs(unseen) < 0.15


def test_where_all_scatter_alike_no_scale_is_taken():
    def same(seed: int):
        data = make(LINEAR, 900, seed)
        noise = np.random.default_rng(seed + 100).normal(size=900) * 0.4
        size = data.rows[:, column("inputs.size")].astype(np.float64)
        return replace(data, target=np.expm1(np.abs(6 + size + noise)))

    taken = [fitting.fit(LINEAR, same(seed), PLAN).distribution.scale for seed in range(3)]
    assert taken == [None] * 3


@pytest.mark.parametrize(
    ("rows", "size"), [(LEAST_ROWS - 1, 1.0), (200, 0.0), (20_001, 1.0)], ids=str
)
def test_with_few_rows_many_or_no_residuals_there_is_no_scale(rows, size):
    assert fit_scale(np.zeros((rows, 2), np.float32), np.full(rows, size)) is None


def test_an_outlier_a_million_times_the_rest_leaves_scales_finite():
    rows, residuals = noisy(300, 3, (0.1, 0.1))
    residuals[7] = 1e6
    scale = fit_scale(rows, residuals)
    assert np.isfinite(scale.unseen).all()
    assert (scale.unseen > 0).all()
    assert scale.fitted.raw(rows).max() <= LARGEST + FLOOR


def test_no_scale_is_nearly_zero_where_a_model_was_always_right():
    rows, residuals = noisy(300, 8, (0.0, 1.0))
    scale = fit_scale(rows, residuals)
    assert scale.unseen.min() >= 0.99 * FLOOR


def test_quantiles_of_scaled_residuals_hold_at_their_levels():
    rows, residuals = noisy(2000, 4, (0.2, 1.5))
    scale = fit_scale(rows, residuals)
    found = residual_distribution(residuals, scale.unseen)
    later, came = noisy(2000, 5, (0.2, 1.5))
    raw, levels = np.full(2000, 5.0), np.array([0.1, 0.5, 0.9])
    bounds = np.log1p(found.quantiles(None, raw, levels, scale.fitted.raw(later)))
    held = (raw + came)[:, None] <= bounds
    for group in (later[:, 0] > 0, later[:, 0] == 0):
        assert held[group].mean(axis=0) == pytest.approx(levels, abs=0.05)


def test_places_and_quantiles_of_scaled_residuals_undo_one_another():
    rng = np.random.default_rng(6)
    found = residual_distribution(rng.normal(size=500), np.full(500, 2.0))
    raw, scale = np.full(9, 4.0), np.linspace(0.5, 3, 9)
    places = np.linspace(0.1, 0.9, 9)
    bounds = np.log1p(found._at(None, raw, places, scale)).diagonal()
    assert found.places_of(None, raw, bounds, scale) == pytest.approx(places)


def test_the_true_quantiles_have_the_least_pinball_loss():
    actual = np.random.default_rng(7).normal(size=4000)
    levels = np.array([0.05, 0.5, 0.95])
    true = np.array([-1.645, 0.0, 1.645])
    losses = [
        pinball_loss(actual, np.tile(true * by, (4000, 1)), levels) for by in (0.8, 1.0, 1.25)
    ]
    assert min(losses) == losses[1]


def test_a_forest_may_answer_with_an_interval_of_scaled_residuals(monkeypatch, tmp_path):
    """Its graph has the shares of classes, too, which this interval does not need."""
    forest = replace(DURATION, candidates=("baseline", "distribution"))
    monkeypatch.setattr(distributions, "of_forests", lambda *_: (None, np.inf))
    trained = fitting.fit(forest, make(forest, 700), PLAN)
    bundle_files.write(tmp_path, trained)
    served, test = Bundle.load(tmp_path), trained.test
    assert trained.distribution.forest is None
    np.testing.assert_allclose(served.predict(test.rows).high, test.high, rtol=1e-3)
