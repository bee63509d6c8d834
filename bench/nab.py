"""Score detectors of anomalies as the Numenta Anomaly Benchmark does, standard profile.

    python bench/nab.py FOLDER

FOLDER holds data/GROUP/FILE.csv(.gz) and labels/combined_windows.json. One setting and threshold
serve all files. Ours has the thresholds that a budget of alarms implies; the best threshold over
all files is shown beside it, and for every other detector. "One file out": the threshold of a file
is the best of all the others. Half-space trees are shown where river is installed.

Source: Lavin & Ahmad, "Evaluating real-time anomaly detection algorithms", 2015.
"""

import argparse
import csv
import gzip
import json
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from math import exp
from pathlib import Path

import numpy as np

from runlore.signals.rules.anomalies.alarm_budget import LEAST_EXCESS, SILENCE_S, Unusual, spend
from runlore.signals.rules.anomalies.anomaly_scores import METHODS, OURS, calibrate, excesses

FALSE_POSITIVE = 0.11
STEP_S = 300
SILENCE = SILENCE_S // STEP_S
STEP_US = STEP_S * 1_000_000
THRESHOLDS = np.concatenate([np.arange(-1, 3, 0.05), np.arange(3, 30, 0.5)])
BUDGETS = (5.0, 4.0, 6.0, 10.0)  # alarms a series and week; the first is the setting
AROUND = (0.9, 1.1)  # times the least excess
TREES = "half-space trees"


@dataclass(frozen=True)
class Labelled:
    """windows: first and last place of each anomaly."""

    group: str
    at: np.ndarray
    values: np.ndarray
    windows: list[tuple[int, int]]


def read(folder: Path) -> list[Labelled]:
    found = []
    for name, spans in sorted(
        json.loads((folder / "labels/combined_windows.json").read_text()).items()
    ):
        path = folder / "data" / name
        packed = path.with_name(path.name + ".gz")
        if not (path.exists() or packed.exists()):
            continue
        text = path.read_text() if path.exists() else gzip.decompress(packed.read_bytes()).decode()
        rows = list(csv.reader(text.splitlines()))[1:]
        at = _microseconds([row[0] for row in rows])
        windows = []
        for first, last in map(_microseconds, spans):
            inside = np.flatnonzero((at >= first) & (at <= last))
            windows.append((int(inside[0]), int(inside[-1])))
        values = np.array([float(row[1]) for row in rows])
        found.append(Labelled(name.split("/")[0], at, values, windows))
    return found


def _microseconds(texts: list[str]) -> np.ndarray:
    return np.array(texts, "datetime64[us]").astype(np.int64)


def sigmoid(place: float) -> float:
    return 2 / (1 + exp(5 * place)) - 1 if place <= 3 else -1.0


def score(file: Labelled, detections: list[int]) -> float:
    """The raw score: up to 1 for the first detection in a window, -1 for a missed one."""
    probation = min(int(0.15 * len(file.at)), 750)
    hits: dict[int, float] = {}
    lost = 0.0
    for place in detections:
        inside = [w for w, (first, last) in enumerate(file.windows) if first <= place <= last]
        before = [window for window in file.windows if window[1] < place]
        if place < probation:
            continue
        if inside:
            first, last = file.windows[inside[0]]
            hit = sigmoid(-(last - place + 1) / (last - first + 1)) / sigmoid(-1)
            hits[inside[0]] = max(hits.get(inside[0], -1.0), hit)
        elif before:
            first, last = before[-1]
            lost += FALSE_POSITIVE * sigmoid((place - last) / (last - first))
        else:
            lost -= FALSE_POSITIVE
    return lost + sum(hits.get(window, -1.0) for window in range(len(file.windows)))


def detect(excess: np.ndarray, threshold: float) -> list[int]:
    detections: list[int] = []
    for place in np.flatnonzero(excess > threshold).tolist():
        if not detections or place - detections[-1] > SILENCE:
            detections.append(place)
    return detections


def within_budget(made: list[np.ndarray], a_week: float) -> list[list[int]]:
    """Detections of the product's rule, over all files as if they ran at one time.

    a_week: alarms a series and week.
    """
    places = [np.flatnonzero(excess > LEAST_EXCESS) for excess in made]
    ids = np.repeat(np.arange(len(made)), [len(of_one) for of_one in places])
    place, excess = np.concatenate(places), np.concatenate(made)
    first = np.cumsum([0, *map(len, made)])[:-1]
    order = np.argsort(place, kind="stable")
    ids, place = ids[order], place[order]
    end_us = max(map(len, made)) * STEP_US
    unusual = Unusual(ids, place * STEP_US, excess[first[ids] + place], len(excess), 0, end_us)
    detections: list[list[int]] = [[] for _ in made]
    for alarm in spend(unusual, a_week * len(made)):
        detections[ids[alarm.place]].append(int(place[alarm.place]))
    return detections


def score_by_trees(values: np.ndarray) -> np.ndarray:
    """Half-space trees of river on shapes of four points, scaled as they come."""
    from river import anomaly, compose, preprocessing

    model = compose.Pipeline(
        preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(window_size=250, seed=0)
    )
    scores = np.zeros(len(values))
    for place in range(3, len(values)):
        shape = {str(back): float(values[place - back]) for back in range(4)}
        scores[place] = model.score_one(shape)
        model.learn_one(shape)
    return calibrate(scores)


def find_excesses(method: str, values: np.ndarray) -> np.ndarray:
    if method == TREES:
        return score_by_trees(values)
    return excesses(method, STEP_S, np.arange(len(values)) * STEP_US, values)


def normalise(files: list[Labelled], raw: np.ndarray) -> dict[str, float]:
    """Group -> 0 for no detection, 100 for a perfect one."""
    result = {}
    for group in sorted({file.group for file in files}):
        chosen = [file.group == group for file in files]
        windows = sum(len(file.windows) for file in files if file.group == group)
        result[group] = 100 * (raw[chosen].sum() + windows) / (2 * windows)
    return result


def leave_one_out(raw: np.ndarray) -> np.ndarray:
    """The score of each file at the best threshold of all the others. raw: (thresholds, files)."""
    others = raw.sum(axis=1, keepdims=True) - raw
    return raw[others.argmax(axis=0), np.arange(raw.shape[1])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    files = read(parser.parse_args().folder)
    points = sum(len(file.at) for file in files)
    trees = (TREES,) if find_spec("river") else ()
    for method in (OURS, *METHODS, *trees):
        begun = time.process_time()
        made = [find_excesses(method, file.values) for file in files]
        cost = (time.process_time() - begun) / points * 1e6
        rows = compare_thresholds(files, made)
        if method == OURS:
            rows = as_set(files, made) | rows
        for label, scores_of_files in rows.items():
            shown = ", ".join(f"{g} {s:.1f}" for g, s in normalise(files, scores_of_files).items())
            sys.stdout.write(f"{method} ({label}): {shown}; {cost:.0f} µs a point\n")
        sys.stdout.flush()


def as_set(files: list[Labelled], made: list[np.ndarray]) -> dict[str, np.ndarray]:
    """The scores of files with the rule of the product, and with fixed thresholds near it."""
    weeks = sum(float(file.at[-1] - file.at[0]) for file in files) / 604_800e6
    chosen = {f"budget {budget:g}": within_budget(made, budget) for budget in BUDGETS}
    for times in AROUND:
        threshold = times * LEAST_EXCESS
        chosen[f"threshold {threshold:.2f}"] = [detect(excess, threshold) for excess in made]
    return {
        f"{label}, {sum(map(len, found)) / weeks:.1f} alarms a series and week": np.array(
            [score(file, places) for file, places in zip(files, found, strict=True)]
        )
        for label, found in chosen.items()
    }


def compare_thresholds(files: list[Labelled], made: list[np.ndarray]) -> dict[str, np.ndarray]:
    raw = np.array(
        [[score(f, detect(e, t)) for f, e in zip(files, made, strict=True)] for t in THRESHOLDS]
    )
    return {"best threshold": raw[raw.sum(axis=1).argmax()], "one file out": leave_one_out(raw)}


if __name__ == "__main__":
    main()
