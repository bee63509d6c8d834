"""Categories of projects: few clusters of their likeness, named by what sets them apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.readable import readable_share
from runlore.planning.rules.similarity.profiles import Profiles

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST = 8
LEAST_PROJECTS = 4
LEAST_SILHOUETTE = 0.2  # below, the clusters are none
LEAST_DIFFERENCE = 0.1  # of shares, to name a category by it


@dataclass(frozen=True)
class Category:
    """members: positions of projects."""

    name: str
    members: tuple[int, ...]


def categorise(profiles: Profiles, likeness: Floats) -> tuple[Category, ...]:
    """The largest first. Projects that nothing is known of are in none. likeness: (P, P)."""
    known = np.flatnonzero((~np.isnan(likeness)).sum(axis=1) > 1)
    if not len(known):
        return ()
    labels = _cluster(distances_of(likeness)[np.ix_(known, known)])
    groups = [known[labels == label] for label in np.unique(labels)]
    groups.sort(key=len, reverse=True)
    names = _unique([_name(profiles, group, known) for group in groups])
    return tuple(
        Category(name, tuple(int(at) for at in group))
        for name, group in zip(names, groups, strict=True)
    )


def distances_of(likeness: Floats) -> Floats:
    """(P, P): 1 - likeness, 0 on the diagonal; unknown ones are as far as the mean of the known."""
    known = ~np.isnan(likeness)
    middle = likeness[known].mean() if known.any() else 0.0
    far: Floats = 1 - np.where(known, likeness, middle)
    far = (far + far.T) / 2
    np.fill_diagonal(far, 0.0)
    return far


def place(likeness: Floats) -> Floats:
    """(P, 2): points whose distances are near to those of the projects (Torgerson's scaling)."""
    far = distances_of(likeness)
    if len(far) < 3:
        return np.hstack([np.arange(len(far), dtype=np.float64)[:, None], np.zeros((len(far), 1))])
    from scipy.sparse.linalg import eigsh

    squares = far**2
    centred = -0.5 * (squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None])
    centred -= 0.5 * squares.mean()
    if len(far) == 3 or not centred.any():
        values, vectors = np.linalg.eigh(centred)
    else:
        values, vectors = eigsh(centred, k=2, which="LA", v0=np.ones(len(far)))
    order = np.argsort(values)[::-1][:2]
    points: Floats = vectors[:, order] * np.sqrt(np.maximum(values[order], 0.0))
    return points


def _cluster(far: Floats) -> Integers:
    """Average linkage; the number of clusters by their silhouette (Rousseeuw 1987)."""
    alone = np.zeros(len(far), dtype=np.int64)
    if len(far) < LEAST_PROJECTS or not far.any():
        return alone
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from sklearn.metrics import silhouette_score

    tree = linkage(squareform(far, checks=False), "average")
    best, chosen = LEAST_SILHOUETTE, alone
    for count in range(2, min(MOST, len(far) // 2) + 1):
        labels = fcluster(tree, count, "maxclust")
        if len(np.unique(labels)) < 2:
            continue
        width = float(silhouette_score(far, labels, metric="precomputed"))
        if width > best + 0.01:
            best, chosen = width, labels
    return chosen


def _name(profiles: Profiles, group: Integers, known: Integers) -> str:
    """Up to two kinds or values that are more frequent here than elsewhere."""
    others = np.setdiff1d(known, group)
    if not len(others):
        return "all projects"
    labels = [f"{name}={label}" for name, label in _word_columns(profiles)]
    candidates = [
        *_larger(profiles.kind_counts, profiles.rows, profiles.kinds, group, others),
        *_larger(profiles.words.counts, profiles.rows, labels, group, others),
        _failing(profiles, group, others),
    ]
    named = sorted((one for one in candidates if one[0] >= LEAST_DIFFERENCE), reverse=True)
    return ", ".join(text for _, text in named[:2]) or "of many sorts"


def _word_columns(profiles: Profiles) -> list[tuple[str, str]]:
    return list(zip(profiles.words.names, profiles.words.labels, strict=True))


def _larger(
    counts: Floats, rows: Floats, labels: Sequence[str], group: Integers, others: Integers
) -> list[tuple[float, str]]:
    """How much larger the share of each column is in a group, as a mean over projects."""
    shares = counts / np.maximum(rows, 1)[:, None]
    inside, outside = shares[group].mean(axis=0), shares[others].mean(axis=0)
    top = np.argsort(outside - inside)[:3]
    return [
        (float(inside[at] - outside[at]), f"{labels[at]} ({readable_share(float(inside[at]))})")
        for at in top
    ]


def _failing(profiles: Profiles, group: Integers, others: Integers) -> tuple[float, str]:
    def rate(members: Integers) -> float:
        finished = profiles.finished[members].sum()
        return float(profiles.failed[members].sum() / finished) if finished else 0.0

    inside, outside = rate(group), rate(others)
    return abs(inside - outside), f"{readable_share(inside)} failures"


def _unique(names: Sequence[str]) -> list[str]:
    """Equal names get a number."""
    return [
        name if names.count(name) == 1 else f"{name} {names[: at + 1].count(name)}"
        for at, name in enumerate(names)
    ]
