"""Estimates of tasks that leave inputs open: as wide as what is not known makes them."""

import numpy as np
import pytest

from runlore.planning.rules.estimator import Estimator, fit_estimator
from runlore.planning.rules.missing_inputs import DONORS, complete
from runlore.planning.rules.task_table import learn_encoder

EFFECTS = {"ann": -0.8, "bob": 0.0, "cy": 0.8}
NOISE = 0.2


def draw(count: int, seed: int) -> tuple[list[dict[str, object]], np.ndarray]:
    random = np.random.default_rng(seed)
    actors = random.choice(list(EFFECTS), count)
    points = random.choice([1, 2, 3, 5, 8], count)
    logs = np.log(points) + [EFFECTS[actor] for actor in actors]
    tasks = [
        {"actor": str(actor), "points": int(size)}
        for actor, size in zip(actors, points, strict=True)
    ]
    return tasks, np.exp(logs + random.normal(0, NOISE, count))


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return fit_estimator(*draw(100, 1))


@pytest.mark.parametrize(
    "left_open",
    [(), ("actor",), ("points",), ("actor", "points")],
    ids="+".join,
)
def test_intervals_cover_whatever_is_left_open(estimator, left_open):
    tasks, amounts = draw(300, 2)
    asked = [{k: v for k, v in task.items() if k not in left_open} for task in tasks]
    bands = np.array(
        [[one.quantiles[0.1], one.quantiles[0.9]] for one in estimator.estimate_all(asked)]
    )
    covered = ((bands[:, 0] <= amounts) & (amounts <= bands[:, 1])).mean()
    assert 0.72 <= covered <= 0.93
    assert [set(one.unknown) for one in estimator.estimate_all(asked[:2])] == [set(left_open)] * 2


def test_an_unknown_actor_is_as_uncertain_as_the_actors_differ(estimator):
    [known, new, open_] = estimator.estimate_all(
        [{"actor": "bob", "points": 3}, {"actor": "eve", "points": 3}, {"points": 3}]
    )
    widths = [np.log(one.quantiles[0.9] / one.quantiles[0.1]) for one in (known, new, open_)]
    assert widths[1] == widths[2]
    assert 2 < widths[1] / widths[0] < 6  # sd .2 alone, against .2 and the actors' .65
    assert new.similarity > 0.5


def test_the_nearest_by_what_is_known_lend_their_values():
    past = np.array([[0.0, 1.0], [5.0, 2.0], [9.0, 3.0]])
    rows = np.array([[8.0, 0.0, 7.0], [4.0, 4.0, 7.0]])
    gaps = np.array([[False, True, False], [False, False, False]])
    completed = complete(rows, gaps, past)
    assert completed.shape == (2, min(DONORS, 3), 3)
    assert completed[0].tolist() == [[8.0, 3.0, 7.0], [8.0, 2.0, 7.0], [8.0, 1.0, 7.0]]
    assert (completed[1] == rows[1]).all()


def test_what_past_tasks_left_open_too_is_no_gap():
    tasks, _ = draw(60, 3)
    tasks = [{**task, "actor": None} if at % 3 == 0 else task for at, task in enumerate(tasks)]
    encoder = learn_encoder(tasks)
    assert not encoder.gaps([{"points": 3}]).any()
    assert encoder.gaps([{"actor": "ann"}]).any()
