"""Runs that are alike: clusters in time of day, duration and inputs, where there is more structure
than in columns that are shuffled on their own.

DBSCAN: Ester et al., 1996. HDBSCAN: Campello et al., 2013. The one whose clusters are found again
in halves of the runs is taken (agreement: Hubert and Arabie's adjusted Rand index, 1985).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.behaviour import Behaviour, ComparedBehaviour, GroupRows
from runlore.advice.rules.patterns.chance import PatternTest
from runlore.advice.rules.patterns.details import Cluster, Clusters, Method

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

METHODS: tuple[Method, ...] = ("DBSCAN", "HDBSCAN")
MOST_RUNS, LEAST_RUNS = 400, 60
MOST_INPUTS, MOST_CLUSTERS = 4, 4
NEIGHBOURS, SHUFFLES = 5, 60
LEAST_PART, LEAST_AGREEMENT = 0.1, 0.5
NEAR_ONE_HOUR = 0.5  # length of the mean direction
BLUR = 0.05  # of a standard deviation: closer runs are equal


@dataclass(frozen=True, eq=False)
class RunPoints:
    """scaled: (m, d). plain: name -> (m,) as recorded. rows: of the behaviour."""

    scaled: Floats
    columns: tuple[tuple[int, ...], ...]  # that are shuffled together
    plain: dict[str, Floats]
    rows: Ints


def find_clusters(compared: ComparedBehaviour, rows: GroupRows) -> PatternTest | None:
    points = points_of(compared.behaviour, rows.rows)
    if points is None:
        return None
    random = np.random.default_rng(0)
    shuffled = [_shuffle(points, random) for _ in range(SHUFFLES)]
    p = _p_of(_crowding(points.scaled), np.array([_crowding(one) for one in shuffled]))
    name, labels, agreement = _choose(points.scaled, random)
    by_chance = _fit(name, shuffled[0]) >= 0
    is_in = labels >= 0
    clusters = _describe(points, labels)
    return PatternTest(
        sort="cluster",
        group=rows.group,
        detail=Clusters(name, clusters, agreement, float(1 - is_in.mean())),
        n=len(points.rows),
        support=len(points.rows),
        unit="executions",
        share=float(is_in.mean()),
        chance=float(by_chance.mean()),
        p=p,
        searched=SHUFFLES,
        is_large=len(clusters) > 1 and agreement >= LEAST_AGREEMENT,
    )


def points_of(behaviour: Behaviour, rows: Ints) -> RunPoints | None:
    """The newest runs that ended, equal ones of a day once; None: too few or too plain."""
    rows = rows[~np.isnan(behaviour.duration_s[rows])]
    inputs = {
        name: values
        for name, values in behaviour.inputs.items()
        if rows.size
        and np.isfinite(values[rows]).mean() > 0.9
        and np.ptp(values[rows][np.isfinite(values[rows])]) > 0
    }
    names = list(inputs)[:MOST_INPUTS]
    for name in names:
        rows = rows[np.isfinite(inputs[name][rows])]
    plain = {"duration_s": behaviour.duration_s[rows]} | {n: inputs[n][rows] for n in names}
    same = np.column_stack(
        [behaviour.times.day[rows], *(np.round(_logs(v), 1) for v in plain.values())]
    )
    _, first = np.unique(same, axis=0, return_index=True)
    kept = np.sort(first)[-MOST_RUNS:]
    if len(kept) < LEAST_RUNS:
        return None
    rows = rows[kept]
    plain = {name: values[kept] for name, values in plain.items()}
    angle = behaviour.times.minute[rows] / 1440 * 2 * np.pi
    hours = [np.cos(angle), np.sin(angle)]
    numbers = [_scale(_logs(values)) for values in plain.values()]
    columns = ((0, 1), *((2 + at,) for at in range(len(numbers))))
    return RunPoints(np.column_stack([*hours, *numbers]), columns, plain, rows)


def _logs(values: Floats) -> Floats:
    result: Floats = np.sign(values) * np.log1p(np.abs(values))
    return result


def _scale(values: Floats) -> Floats:
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else values * 0.0


def _shuffle(points: RunPoints, random: np.random.Generator) -> Floats:
    result = points.scaled.copy()
    for columns in points.columns:
        result[:, list(columns)] = result[random.permutation(len(result))][:, list(columns)]
    return result


def _crowding(points: Floats) -> float:
    """The mean logarithm of the distance to the fifth neighbour: small where runs are alike."""
    from scipy.spatial import cKDTree

    distance = cKDTree(points).query(points, NEIGHBOURS + 1)[0][:, -1]
    return float(np.log(distance + BLUR).mean())


def _p_of(value: float, shuffled: Floats) -> float:
    """One-sided, by the mean and spread over shuffles, as of one more normal value."""
    from scipy.stats import t

    spread = float(shuffled.std(ddof=1)) * np.sqrt(1 + 1 / len(shuffled))
    if spread == 0:
        return 1.0
    return float(t.cdf((value - shuffled.mean()) / spread, len(shuffled) - 1))


def _fit(name: Method, points: Floats) -> Ints:
    """(m,) the cluster of each run; below 0: none."""
    from scipy.spatial import cKDTree
    from sklearn.cluster import DBSCAN, HDBSCAN

    least = max(int(LEAST_PART * len(points)), NEIGHBOURS)
    if name == "HDBSCAN":
        return np.asarray(
            HDBSCAN(min_cluster_size=least, min_samples=NEIGHBOURS, copy=True).fit_predict(points)
        )
    distance = cKDTree(points).query(points, NEIGHBOURS + 1)[0][:, -1]
    reach = max(float(np.quantile(distance, 0.9)), BLUR)
    labels = np.asarray(DBSCAN(eps=reach, min_samples=NEIGHBOURS).fit_predict(points))
    sizes = np.bincount(labels[labels >= 0], minlength=1)
    result: Ints = np.where((labels >= 0) & (sizes[labels] >= least), labels, -1)
    return result


def _choose(points: Floats, random: np.random.Generator) -> tuple[Method, Ints, float]:
    from sklearn.metrics import adjusted_rand_score

    best: tuple[Method, Ints, float] | None = None
    half = random.permutation(len(points)) < len(points) // 2
    for name in METHODS:
        labels = _fit(name, points)
        agreement = float(
            np.mean([adjusted_rand_score(labels[m], _fit(name, points[m])) for m in (half, ~half)])
        )
        if len(np.unique(labels[labels >= 0])) < 2:
            agreement = 0.0
        if best is None or agreement > best[2]:
            best = name, labels, agreement
    if best is None:
        raise AssertionError
    return best


def _describe(points: RunPoints, labels: Ints) -> tuple[Cluster, ...]:
    codes, counts = np.unique(labels[labels >= 0], return_counts=True)
    order = codes[np.argsort(-counts, kind="stable")][:MOST_CLUSTERS]
    return tuple(
        Cluster(
            int((labels == code).sum()),
            float((labels == code).mean()),
            tuple((n, float(np.median(v[labels == code]))) for n, v in points.plain.items()),
            _usual_minute(points.scaled[labels == code]),
        )
        for code in order
    )


def _usual_minute(points: Floats) -> float | None:
    """The circular mean, where the runs are near it: Mardia and Jupp, Directional statistics."""
    cosine, sine = points[:, 0].mean(), points[:, 1].mean()
    if np.hypot(cosine, sine) < NEAR_ONE_HOUR:
        return None
    return float(np.arctan2(sine, cosine) / (2 * np.pi) * 1440 % 1440)
