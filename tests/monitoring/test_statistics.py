"""Against scipy on the rows themselves, and against Evidently's PSI."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial import distance

from runlore.monitoring.rules import statistics
from runlore.monitoring.rules.histogram import Bins, Histogram, count, reference_profile

ROWS = 100_000
RNG = np.random.default_rng(11)
SHAPES = {
    "same": (RNG.normal(size=ROWS), RNG.normal(size=ROWS)),
    "shifted a little": (RNG.normal(size=ROWS), RNG.normal(0.1, 1, ROWS)),
    "shifted": (RNG.normal(size=ROWS), RNG.normal(0.45, 1, ROWS)),
    "wider": (RNG.normal(size=ROWS), RNG.normal(0, 1.3, ROWS)),
    "long tail": (RNG.lognormal(0, 1.5, ROWS), RNG.lognormal(0.3, 1.5, ROWS)),
    "mostly zero": (
        np.where(RNG.random(ROWS) < 0.6, 0, RNG.exponential(size=ROWS)),
        np.where(RNG.random(ROWS) < 0.5, 0, RNG.exponential(size=ROWS)),
    ),
    "beyond the range": (RNG.random(ROWS), RNG.random(ROWS) * 1.1),
    "elsewhere": (RNG.normal(size=ROWS), RNG.normal(10, 1, ROWS)),
    "fewer rows": (RNG.gamma(2, 2, size=ROWS), RNG.gamma(2, 2.4, size=700)),
}
FEW = {
    "yes or no": (RNG.random(ROWS) < 0.1, RNG.random(ROWS) < 0.2),
    "counts": (RNG.poisson(5, ROWS), RNG.poisson(5.5, ROWS)),
    "values between": (RNG.integers(0, 5, ROWS), RNG.integers(0, 10, ROWS) / 2),
    "constant": (np.full(ROWS, 3.0), np.r_[np.full(ROWS - 1, 3.0), 4.0]),
}


def profiled(pair: tuple[np.ndarray, np.ndarray]) -> tuple[Histogram, Histogram, list[np.ndarray]]:
    raw = [np.asarray(values, dtype=np.float32) for values in pair]
    reference = reference_profile(raw[0][:, np.newaxis], ["x"])
    return reference.columns[0], count(reference.bins, raw[1][:, np.newaxis]).columns[0], raw


@pytest.mark.parametrize("shape", SHAPES)
def test_ks_differs_from_scipys_by_one_bin_at_most(shape: str) -> None:
    reference, current, raw = profiled(SHAPES[shape])
    exact = stats.ks_2samp(*raw).statistic
    found = statistics.ks(reference.counts, current.counts)
    assert exact - 1 / 190 <= found <= exact + 1e-9


@pytest.mark.parametrize("shape", FEW)
def test_ks_is_scipys_where_every_value_has_a_bin(shape: str) -> None:
    reference, current, raw = profiled(FEW[shape])
    exact = stats.ks_2samp(*raw).statistic
    assert statistics.ks(reference.counts, current.counts) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("shape", [*SHAPES, *FEW])
def test_wasserstein_is_scipys_in_sd_within_a_thousandth(shape: str) -> None:
    reference, current, raw = profiled({**SHAPES, **FEW}[shape])
    scale = raw[0].std() or np.r_[raw[0], raw[1]].std()
    exact = stats.wasserstein_distance(*raw) / scale
    assert statistics.wasserstein(reference, current) == pytest.approx(exact, abs=1e-3, rel=1e-5)


def test_wasserstein_of_missing_or_equal_constants_is_nothing() -> None:
    for pair in ((np.ones(9), np.ones(9)), (np.ones(9), np.full(9, np.nan))):
        reference, current, _ = profiled(pair)
        assert statistics.wasserstein(reference, current) == 0.0


def test_the_median_is_found_within_a_bin() -> None:
    reference, current, raw = profiled(SHAPES["shifted"])
    for column, values in ((reference, raw[0]), (current, raw[1])):
        assert statistics.quantile(column, 0.5) == pytest.approx(np.median(values), abs=0.005)
    assert np.isnan(statistics.quantile(profiled((np.ones(3), np.full(3, np.nan)))[1], 0.5))


def categories() -> tuple[np.ndarray, np.ndarray]:
    p = np.array([0.5, 0.3, 0.15, 0.05])
    return RNG.multinomial(40_000, p), RNG.multinomial(7_000, p[::-1])


def test_chi_square_is_scipys() -> None:
    p, q = categories()
    exact = stats.chi2_contingency(np.vstack([p, q]), correction=False).statistic
    assert statistics.chi_square(p, q) == pytest.approx(exact, rel=1e-12)
    assert statistics.chi_square_by_chance(p, q) == pytest.approx(stats.chi2.isf(1e-3, 3))
    padded = np.r_[p, 0], np.r_[q, 0]
    assert statistics.chi_square(*padded) == pytest.approx(exact, rel=1e-12), "an unused category"
    assert statistics.chi_square_by_chance(*padded) == pytest.approx(stats.chi2.isf(1e-3, 3))


def test_jensen_shannon_is_scipys() -> None:
    p, q = categories()
    assert statistics.jensen_shannon(p, q) == pytest.approx(distance.jensenshannon(p, q), rel=1e-12)
    assert statistics.jensen_shannon(p, p) == pytest.approx(0, abs=1e-7)
    apart = statistics.jensen_shannon(np.array([5, 0]), np.array([0, 5]))
    assert apart == pytest.approx(np.sqrt(np.log(2)))


def evidently_psi(pair: tuple[np.ndarray, np.ndarray], *, is_number: bool) -> float:
    from runlore.monitoring.drift_report import _silenced

    with _silenced():
        from evidently.legacy.calculations.stattests import psi_stat_test
        from evidently.legacy.core import ColumnType
    kind = ColumnType.Numerical if is_number else ColumnType.Categorical
    return psi_stat_test(pd.Series(pair[0]), pd.Series(pair[1]), kind, 0.2).drift_score


def equal_width(raw: list[np.ndarray]) -> Bins:
    """Evidently's bins: Sturges' number, of equal width, over both samples."""
    edges = np.histogram_bin_edges(np.concatenate(raw), bins="sturges").astype(np.float32)
    return Bins("x", False, np.nextafter(edges[1:-1], np.float32(-np.inf)))


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_psi_in_evidentlys_bins_is_evidentlys_within_a_hundredth(shape: str) -> None:
    _, _, raw = profiled(SHAPES[shape])
    bins = equal_width(raw)
    p, q = (count([bins], values[:, np.newaxis]).columns[0].counts for values in raw)
    if shape == "elsewhere":
        assert statistics.psi(p, q) > 5, "both say far apart; how far is a matter of empty bins"
        return
    exact = evidently_psi((raw[0], raw[1]), is_number=True)
    assert statistics.psi(p, q) == pytest.approx(exact, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["same", "shifted a little", "shifted"])
def test_psi_in_our_own_bins_is_evidentlys_within_a_hundredth(shape: str) -> None:
    reference, current, raw = profiled(SHAPES[shape])
    starts = statistics.quantile_groups(reference.counts, ROWS)
    pair = [statistics.joined(each.counts, starts) for each in (reference, current)]
    exact = evidently_psi((raw[0], raw[1]), is_number=True)
    assert statistics.psi(*pair) == pytest.approx(exact, abs=0.01)


@pytest.mark.slow
def test_psi_of_categories_is_evidentlys_within_a_hundredth() -> None:
    p, q = categories()
    pair = [np.repeat(np.arange(4), counts) for counts in (p, q)]
    assert statistics.psi(p, q) == pytest.approx(evidently_psi(pair, is_number=False), abs=0.01)


def test_psi_tells_a_long_tail_that_bins_of_equal_width_hide() -> None:
    reference, current, _ = profiled((RNG.lognormal(0, 2, ROWS), RNG.lognormal(1, 2, ROWS)))
    starts = statistics.quantile_groups(reference.counts, ROWS)
    pair = [statistics.joined(each.counts, starts) for each in (reference, current)]
    assert statistics.psi(*pair) == pytest.approx(0.25, abs=0.03), "(1 / 2)², by the normal formula"


@pytest.mark.parametrize(("rows", "groups"), [(150, 10), (5_000, 20)])
def test_psi_exceeds_its_bound_by_chance_once_in_a_thousand_times(rows: int, groups: int) -> None:
    rng = np.random.default_rng(rows)
    p = rng.multinomial(50_000, np.full(groups, 1 / groups))
    drawn = rng.multinomial(rows, np.full(groups, 1 / groups), size=20_000)
    above = [statistics.psi(p, q) > statistics.psi_by_chance(p, q) for q in drawn]
    assert 0.0002 <= np.mean(above) <= 0.003


def test_what_lies_beyond_all_of_the_reference_is_a_group_of_its_own() -> None:
    reference, current, _ = profiled((RNG.random(ROWS), np.full(ROWS, 2.0)))
    starts = statistics.quantile_groups(reference.counts, ROWS)
    assert statistics.joined(reference.counts, starts)[-1] == 0
    assert statistics.joined(current.counts, starts)[-1] == ROWS


@pytest.mark.parametrize(("rows", "most"), [(ROWS, 22), (500, 12)])
def test_few_rows_are_told_apart_in_fewer_groups(rows: int, most: int) -> None:
    reference, _, _ = profiled(SHAPES["same"])
    assert most - 2 <= len(statistics.quantile_groups(reference.counts, rows)) <= most


def test_rare_categories_are_counted_as_one() -> None:
    p, q = statistics.common(np.array([5000, 3000, 3, 2]), np.array([50, 30, 1, 0]))
    assert p.tolist() == [5000, 3000, 5]
    assert q.tolist() == [50, 30, 1]


def test_nothing_to_compare_is_no_distance() -> None:
    nothing, something = np.zeros(3, np.int64), np.array([1, 2, 3])
    for statistic in (statistics.psi, statistics.jensen_shannon, statistics.chi_square):
        assert statistic(nothing, nothing) == 0.0
    assert statistics.psi(nothing, something) == statistics.psi(something, nothing) == 0.0
    assert statistics.psi_by_chance(nothing, something) == 0.0
