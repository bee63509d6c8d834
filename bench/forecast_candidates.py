"""Would other forecasters help? Each on M4 hourly, alone and in equal parts with ours.

    python bench/forecast_candidates.py FOLDER [--every 4] [--test] [--slow]

What counts is the last 48 hours of the training part, so that a choice has not seen the test part;
--test takes the test part. MSTL, Theta, ETS and ARIMA are of statsforecast, where it is installed
(--slow: ETS and ARIMA, too). One xgboost model learns from all series. Prints an object each.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from forecasts import HORIZON, Floats, hourly, mase, mean_smape, mstl_ets, read_m4
from numpy.lib.stride_tricks import sliding_window_view

LAGS, DAY = 168, 24
FarForecast = Callable[[list[Floats]], list[Floats]]


def ours(past: list[Floats]) -> list[Floats]:
    return [hourly(values, HORIZON).value for values in past]


def global_xgboost(past: list[Floats]) -> list[Floats]:
    """Of each series by its usual change from day to day: what comes beyond the day before."""
    from xgboost import XGBRegressor

    inputs, targets, ahead = [], [], []
    for values in past:
        scale = np.abs(values[DAY:] - values[:-DAY]).mean() or 1.0
        windows = sliding_window_view(values, LAGS + HORIZON)[::7] / scale
        for step in range(0, HORIZON, 5):
            inputs.append(features(windows[:, :LAGS], step))
            naive = windows[:, LAGS - DAY + step % DAY]
            targets.append(windows[:, LAGS + step] - naive)
    model = XGBRegressor(
        n_estimators=400,
        max_depth=6,
        learning_rate=0.05,
        subsample=0.5,
        colsample_bytree=0.5,
        objective="reg:absoluteerror",
        n_jobs=1,
    )
    model.fit(np.vstack(inputs), np.concatenate(targets))
    for values in past:
        scale = np.abs(values[DAY:] - values[:-DAY]).mean() or 1.0
        window = values[-LAGS:][None] / scale
        rows = np.vstack([features(window, step) for step in range(HORIZON)])
        naive = np.resize(values[-DAY:], HORIZON)
        ahead.append(naive + model.predict(rows) * scale)
    return ahead


def features(windows: Floats, step: int) -> Floats:
    """The last two days, the same hour of the days before, day means, and how far ahead."""
    level = windows[:, -DAY:].mean(axis=1, keepdims=True)
    days = windows.reshape(len(windows), -1, DAY)
    same = days[:, :, step % DAY] - level
    around = windows[:, step][:, None] - level  # a week before, to the hour
    far = np.full((len(windows), 1), step)
    return np.hstack([windows[:, -2 * DAY :] - level, same, days.mean(axis=2) - level, around, far])


def of_statsforecast(make: Callable[[], object]) -> FarForecast:
    def forecast(past: list[Floats]) -> list[Floats]:
        return [np.asarray(make().forecast(values, HORIZON)["mean"]) for values in past]

    return forecast


def candidates(*, is_slow: bool) -> dict[str, FarForecast]:
    found: dict[str, FarForecast] = {"global xgboost": global_xgboost}
    try:
        from statsforecast import models
    except ImportError:
        return found
    found |= {
        "MSTL + ETS": mstl_ets,
        "Theta": of_statsforecast(lambda: models.AutoTheta(24)),
    }
    if is_slow:
        found |= {
            "ETS": of_statsforecast(lambda: models.AutoETS(24)),
            "ARIMA": of_statsforecast(lambda: models.AutoARIMA(season_length=24)),
        }
    return found


def measure(
    name: str, made: list[Floats], past: list[Floats], came: list[Floats], seconds: float
) -> None:
    scores = [mase(*each) for each in zip(past, made, came, strict=True)]
    figures = {
        "bench": "forecast_candidates",
        "candidate": name,
        "series": len(past),
        "mase": round(float(np.mean(scores)), 3),
        "smape": mean_smape(made, came),
        "cpu_s": round(seconds, 1),
    }
    print(json.dumps(figures), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--every", type=int, default=4)
    options.add_argument("--test", action="store_true")
    options.add_argument("--slow", action="store_true")
    chosen = options.parse_args()
    past = read_m4(chosen.folder / "m4-hourly-train-H1-H207.csv.gz")[:: chosen.every]
    came = read_m4(chosen.folder / "m4-hourly-test-H1-H207.csv.gz")[:: chosen.every]
    if not chosen.test:
        came, past = [one[-HORIZON:] for one in past], [one[:-HORIZON] for one in past]
    began = time.process_time()
    first = ours(past)
    measure("ours", first, past, came, time.process_time() - began)
    for name, way in candidates(is_slow=chosen.slow).items():
        began = time.process_time()
        made = way(past)
        seconds = time.process_time() - began
        measure(name, made, past, came, seconds)
        half = [(one + other) / 2 for one, other in zip(first, made, strict=True)]
        measure(f"half ours, half {name}", half, past, came, seconds)


if __name__ == "__main__":
    main()
