"""How long do 10,000 series of five-minute points take, a day of them?

    python bench/many_series.py [--series 10000] [--days 5]

Each point is forecast by the state of its series with a band, judged, and learned, as the process
that hears of new points does it, without the database. The last day is timed. Prints one JSON
object: seconds of one core, the size of the states, and how many points of the last day began a
deviation, per million; by chance about 63 would lie outside of four standard deviations.
"""

import argparse
import json
import time

import numpy as np

from runlore.signals.rules.anomalies import stream_state
from runlore.signals.rules.series.grid import SECOND_US

STEP_US = 300 * SECOND_US
A_DAY = 288
LEVEL_OF_BAND = 6.3e-5  # probability outside of four standard deviations, of normal residuals


def simulate(series: int, points: int) -> np.ndarray:
    """Levels with a daily rhythm and autocorrelated noise, shape (points, series)."""
    rng = np.random.default_rng(7)
    noise = np.empty((points, series), np.float32)
    last = np.zeros(series)
    for place in range(points):
        last = 0.5 * last + rng.standard_normal(series)
        noise[place] = last
    phase = rng.uniform(0, 2 * np.pi, series)
    day = np.sin(np.arange(points)[:, None] * 2 * np.pi / A_DAY + phase)
    return np.asarray(rng.uniform(20, 80, series) + 5 * day + noise)


def measure(series: int, days: int) -> dict[str, object]:
    values = simulate(series, days * A_DAY)
    states, index = stream_state.start(series), np.arange(series)
    took, unusual = 0.0, 0
    for place, row in enumerate(values):
        at = np.full(series, (place + 1) * STEP_US)
        began = time.process_time()
        judged = stream_state.observe(states, index, at, row, int(at[0]), LEVEL_OF_BAND)
        if place >= len(values) - A_DAY:
            took += time.process_time() - began
            unusual += sum(len(new.series) for new in judged.started)
    points = series * A_DAY
    return {
        "bench": "many_series",
        "series": series,
        "points_of_the_last_day": points,
        "cpu_s": round(took, 2),
        "points_per_cpu_s": round(points / took),
        "states_mb": round(states.nbytes / 2**20, 2),
        "deviations_begun": unusual,
        "a_million_points": round(1e6 * unusual / points, 1),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--series", type=int, default=10_000)
    options.add_argument("--days", type=int, default=5)
    chosen = options.parse_args()
    print(json.dumps(measure(chosen.series, chosen.days)))


if __name__ == "__main__":
    main()
