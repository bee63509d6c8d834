"""Regressions on simulated series, beside a fixed threshold and E-divisive: an object per line.

    python bench/regressions.py [--series 2000]

A series has 300 points of AR(1) noise around 100. False: the share of series without a change in
which something is found, also by noise of 20 %. Found: the share of lasting changes of +20 % that
are seen within 10 points; near: of those found, the share whose start is at most 2 points off. Both
are counted online: a method is run at each of the points, or has to have been. E-divisive is Apache
Otava's, where it can be imported; it reads a whole series at once, which ends 10 points after the
change, and it is slower, so it has fewer series.
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.regressions.regression import RegressionRules, find_changes

Floats = NDArray[np.float64]
Found = list[tuple[int, int]]  # start, seen
POINTS, SHIFT, WITHIN, NEAR = 300, 1.2, 10, 2
STRENGTHS = (0.2, 0.4, 0.6)
RULES = RegressionRules(least=0.1)


def noise(rng: np.random.Generator, correlation: float) -> Floats:
    steps = rng.normal(0, np.sqrt(1 - correlation**2), POINTS + 50)
    values, last = np.empty(len(steps)), 0.0
    for at, step in enumerate(steps):
        values[at] = last = correlation * last + step
    return values[50:]


def runlore(values: Floats) -> Found:
    return [(change.start, change.seen) for change in find_changes(values, RULES)]


def threshold(values: Floats) -> Found:
    """The mean of 4 points is 20 % off that of the 30 before."""
    before = np.convolve(values, np.ones(30) / 30, "valid")[:-4]
    after = np.convolve(values, np.ones(4) / 4, "valid")[30:]
    return [(int(at) + 30, int(at) + 33) for at in np.flatnonzero(abs(after / before - 1) >= 0.2)]


def e_divisive(values: Floats) -> Found:
    from otava.analysis import compute_change_points_orig

    points, _ = compute_change_points_orig(values, max_pvalue=0.001)
    return [(int(point.index), len(values) - 1) for point in points]


def measure(
    name: str, method: Callable[[Floats], Found], count: int, strength: float, size: float
) -> None:
    rng = np.random.default_rng(int(100 * strength))
    began = time.process_time()
    false, false_20 = (
        np.mean([bool(method(100 * (1 + s * noise(rng, strength)))) for _ in range(count)])
        for s in (size, 0.2)
    )
    found, near = [], []
    for _ in range(count):
        at = int(rng.integers(100, POINTS - WITHIN))
        values = 100 * (1 + size * noise(rng, strength))
        values[at:] *= SHIFT
        seen = [one for one in method(values[: at + WITHIN]) if one[1] >= at]
        found.append(bool(seen))
        near += [abs(seen[0][0] - at) <= NEAR] if seen else []
    figures = {
        "method": name,
        "correlation": strength,
        "noise": size,
        "series": count,
        "false": round(float(false), 4),
        "false_at_noise_of_20_percent": round(float(false_20), 4),
        "found_within_10": round(float(np.mean(found)), 4),
        "start_within_2": round(float(np.mean(near)), 4) if near else None,
        "cpu_ms_per_series": round((time.process_time() - began) * 1000 / (3 * count), 2),
    }
    print(json.dumps(figures), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=2000)
    count = parser.parse_args().series // len(STRENGTHS) + 1
    methods: list[tuple[str, Callable[[Floats], Found], int]] = [
        ("runlore", runlore, count),
        ("threshold of 20 %", threshold, count),
    ]
    try:
        import otava  # noqa: F401

        methods.append(("E-divisive (Otava)", e_divisive, max(count // 20, 10)))
    except ImportError:
        print(json.dumps({"method": "E-divisive (Otava)", "left_out": "apache-otava is not there"}))
    for size in (0.03, 0.05):
        for strength in STRENGTHS:
            for name, method, series in methods:
                measure(name, method, series, strength, size)


if __name__ == "__main__":
    main()
