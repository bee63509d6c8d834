"""What does issuing forecasts cost with and without what a training learned?

    OPENBLAS_NUM_THREADS=1 python bench/series_champions.py [--series 20] [--days 60] [--rounds 3]

Simulated hourly series with a day and a week, a day ahead; no database. Prints one JSON object:
CPU milliseconds a series when every one is searched anew and when it continues as it was learned,
medians over rounds that take turns, and their ratio.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np

from runlore.signals.rules.forecasts.forecasting import apply, forecast, learn
from runlore.signals.rules.series.grid import SeriesGrid

HOUR_S, HORIZON = 3_600, 24


def simulate(series: int, days: int) -> list[SeriesGrid]:
    rng = np.random.default_rng(11)
    hours = np.arange(days * 24)
    day = np.sin(hours * 2 * np.pi / 24) * (1 + (hours // 24 % 7 < 5))
    noise = rng.normal(0, 1, (series, len(hours)))
    for place in range(1, len(hours)):
        noise[:, place] += 0.6 * noise[:, place - 1]
    levels = rng.uniform(20, 80, (series, 1))
    return [SeriesGrid(0, HOUR_S, values) for values in levels + 5 * day + noise]


def cpu_ms(run: Callable[[], object], series: int) -> float:
    began = time.process_time()
    run()
    return (time.process_time() - began) * 1e3 / series


def measure(series: int, days: int, rounds: int) -> dict[str, object]:
    grids = simulate(series, days)
    learned = [learn(grid, HORIZON) for grid in grids]
    pairs = list(zip(learned, grids, strict=True))
    searched, continued = [], []
    for _ in range(rounds):
        searched.append(cpu_ms(lambda: [forecast(grid, HORIZON) for grid in grids], series))
        continued.append(cpu_ms(lambda: [apply(one, grid) for one, grid in pairs], series))
    of_search, of_champion = statistics.median(searched), statistics.median(continued)
    return {
        "bench": "series_champions",
        "series": series,
        "steps": days * 24,
        "searched_cpu_ms": round(of_search, 1),
        "with_champion_cpu_ms": round(of_champion, 1),
        "searched_range": [round(min(searched), 1), round(max(searched), 1)],
        "with_champion_range": [round(min(continued), 1), round(max(continued), 1)],
        "ratio": round(of_search / of_champion, 1),
        "unit": "CPU time of a search over that of a champion",
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--series", type=int, default=20)
    options.add_argument("--days", type=int, default=60)
    options.add_argument("--rounds", type=int, default=3)
    print(json.dumps(measure(**vars(options.parse_args()))))


if __name__ == "__main__":
    main()
