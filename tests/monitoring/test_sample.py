import numpy as np
import pytest

from runlore.monitoring.rules.sample import MOST_WORDS, Sample, places, readable


@pytest.mark.parametrize(("rows", "most"), [(0, 5), (3, 5), (5, 5), (1_000_003, 5_000)])
def test_places_are_bounded_distinct_even_and_the_same_every_time(rows: int, most: int) -> None:
    found = places(rows, most)
    assert len(found) == min(rows, most)
    assert (np.diff(found) > 0).all()
    assert (places(rows, most) == found).all()
    if rows > most:
        assert (found[0], found[-1]) == (0, rows - 1)
        assert np.diff(found).max() - np.diff(found).min() <= 1


def sample(*columns: list[float], of: int = 100) -> Sample:
    return Sample(np.array(columns, dtype=np.float32).T, of, None)


def test_codes_become_words_and_the_rest_is_told_apart() -> None:
    words = {"kind": ("etl", "", *(f"rare {i}" for i in range(50)))}
    common = [0.0] * 20 + [1.0] * 20
    reference, current = readable(
        sample([*common, *range(2, 52)]), sample([0, 1, 51, 51, -1, np.nan]), ["kind"], words
    )
    assert current["kind"].tolist() == [
        "etl",
        "(none)",
        "rare 49",
        "rare 49",
        "unknown in training",
        None,
    ]
    assert set(reference["kind"]) >= {"etl", "(none)", "rare 49", "other values"}
    assert reference["kind"].nunique() == MOST_WORDS + 1


def test_a_far_outlier_is_drawn_at_the_edge_and_a_shift_as_it_is() -> None:
    rng = np.random.default_rng(6)
    around = rng.normal(size=2000).tolist()
    reference, current = readable(
        sample([*around, 1e9]), sample([value + 10 for value in around]), ["x"], {}
    )
    assert reference["x"].max() < 20
    assert current["x"].mean() == pytest.approx(10, abs=0.1)
    assert reference["x"].iloc[:-1].to_numpy() == pytest.approx(np.float32(around))


def test_what_is_missing_or_constant_stays_so() -> None:
    reference, current = readable(
        sample([np.nan, np.nan], [7, 7]), sample([1, 2], [7, 7]), ["a", "b"], {}
    )
    assert reference["a"].isna().all()
    assert current["a"].tolist() == [1, 2]
    assert reference["b"].tolist() == current["b"].tolist() == [7, 7]


def test_the_window_is_drawn_over_its_submissions() -> None:
    drawn = Sample(np.zeros((2, 1), np.float32), 2, np.array([0, 3_600_000_000]))
    _, current = readable(drawn, drawn, ["x"], {})
    assert current.index.name == "submitted (UTC)"
    assert str(current.index[1]) == "1970-01-01 01:00:00"
