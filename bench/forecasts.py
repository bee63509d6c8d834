"""Forecasts on public series, beside the last season again: a JSON object per series set.

    python bench/forecasts.py FOLDER     # with m4-hourly-*-H1-H207.csv.gz and ETTh1.csv.gz

M4 hourly: the last 48 hours of each series were never seen. Scores are MASE (mean absolute error
over that of the past's last season again) and sMAPE, as the competition defines them. ETTh1: the
oil temperature of the last 20 %, from an origin every two weeks, as mean squared error of the
standardised values. Where statsforecast is installed, its MSTL with ETS is measured on M4, too.
"""

import argparse
import csv
import gzip
import json
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.forecasts.forecasters import seasonal_naive
from runlore.signals.rules.forecasts.forecasting import Forecast, forecast
from runlore.signals.rules.series.grid import SeriesGrid

Floats = NDArray[np.float64]

HOUR_S, DAY, HORIZON = 3_600, 24, 48
TAUGHT, PAST, EVERY = 0.8, 24 * 7 * 26, 336


def read_m4(path: Path) -> list[Floats]:
    with gzip.open(path, "rt") as file:
        rows = csv.reader(file)
        next(rows)
        return [np.array([float(cell) for cell in row[1:] if cell]) for row in rows]


def hourly(values: Floats, horizon: int) -> Forecast:
    return forecast(SeriesGrid(0, HOUR_S, values), horizon)


def mase(past: Floats, made: Floats, came: Floats) -> float:
    return float(np.abs(made - came).mean() / np.abs(past[DAY:] - past[:-DAY]).mean())


def mean_smape(made: list[Floats], came: list[Floats]) -> float:
    of_series = [
        200 * np.mean(np.abs(one - true) / (np.abs(one) + np.abs(true)))
        for one, true in zip(made, came, strict=True)
    ]
    return round(float(np.mean(of_series)), 2)


def held(made: Forecast, came: Floats) -> NDArray[np.bool_]:
    return (made.low <= came) & (came <= made.high)


def mstl_ets(past: list[Floats]) -> list[Floats]:
    """Of statsforecast: a day and a week taken out, ETS without a season on what is left."""
    from statsforecast.models import MSTL, AutoETS

    def of_one(values: Floats) -> Floats:
        model = MSTL([DAY, 7 * DAY], trend_forecaster=AutoETS(model="ZZN"))
        return np.asarray(model.forecast(values, HORIZON)["mean"])

    return [of_one(values) for values in past]


def peers(train: list[Floats], test: list[Floats]) -> dict[str, object]:
    if find_spec("statsforecast") is None:
        return {}
    began = time.process_time()
    made = mstl_ets(train)
    seconds = time.process_time() - began
    scores = [mase(*each) for each in zip(train, made, test, strict=True)]
    return {
        "statsforecast_mstl_ets": {
            "mase": round(float(np.mean(scores)), 3),
            "smape": mean_smape(made, test),
            "cpu_s": round(seconds, 1),
        }
    }


def m4(folder: Path) -> dict[str, object]:
    train = read_m4(folder / "m4-hourly-train-H1-H207.csv.gz")
    test = read_m4(folder / "m4-hourly-test-H1-H207.csv.gz")
    began = time.process_time()
    made = [hourly(past, HORIZON) for past in train]
    seconds = time.process_time() - began
    naive = [seasonal_naive(past, f.seasons, HORIZON) for past, f in zip(train, made, strict=True)]
    inside = np.array([held(f, came) for f, came in zip(made, test, strict=True)])
    ours = [mase(*each) for each in zip(train, (f.value for f in made), test, strict=True)]
    theirs = [mase(*each) for each in zip(train, naive, test, strict=True)]
    return {
        "bench": "forecasts.m4-hourly",
        "series": len(train),
        "mase": round(float(np.mean(ours)), 3),
        "smape": mean_smape([f.value for f in made], test),
        "coverage_90_by_third": [round(float(p.mean()), 3) for p in np.split(inside, 3, axis=1)],
        "cpu_s": round(seconds, 1),
        "seasonal_naive": {
            "mase": round(float(np.mean(theirs)), 3),
            "smape": mean_smape(naive, test),
        },
        **peers(train, test),
        "ratio": round(float(np.mean(theirs) / np.mean(ours)), 3),
        "unit": "MASE of the last season again over ours",
    }


def ett(folder: Path, horizon: int) -> dict[str, object]:
    with gzip.open(folder / "ETTh1.csv.gz", "rt") as file:
        values = np.array([float(row["OT"]) for row in csv.DictReader(file)])
    first = int(TAUGHT * len(values))
    spread = values[:first].std()
    errors: dict[str, list[float]] = {"ours": [], "last season": [], "last value": []}
    inside = []
    for origin in range(first, len(values) - horizon, EVERY):
        past, came = values[max(0, origin - PAST) : origin], values[origin : origin + horizon]
        made = hourly(past, horizon)
        naive = seasonal_naive(past, made.seasons, horizon)
        last = np.full(horizon, past[-1])
        for name, one in zip(errors, (made.value, naive, last), strict=True):
            errors[name].append(float(np.mean(((one - came) / spread) ** 2)))
        inside.append(held(made, came).mean())
    scores = {name: round(float(np.mean(each)), 3) for name, each in errors.items()}
    return {
        "bench": f"forecasts.etth1-{horizon}",
        "origins": len(inside),
        "mse": scores,
        "coverage_90": round(float(np.mean(inside)), 3),
        "ratio": round(scores["last season"] / scores["ours"], 3),
        "unit": "mean squared error of the last season again over ours",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print(json.dumps(m4(folder)))
    for horizon in (24, 168, 720):
        print(json.dumps(ett(folder, horizon)))


if __name__ == "__main__":
    main()
