"""The public logs as Runlore reads them: a file, a mapping, specs, and what others reached.

Nothing of the files is copied into the project: an adapter writes a table into a temporary folder.
"""

import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from runlore.features.declaration import FeatureSet
from runlore.specs.catalog import duration, failure_risk
from runlore.specs.model_spec import Gate, ModelSpec, Probability, Quantity, Split

PLAIN = FeatureSet(histories=(), has_calendar=False)
SMALL_CANDIDATES = ("baseline", "linear", "random-forest", "xgboost")
INSTANT = pd.Timestamp("2000-01-01", tz="UTC")

EFFORT = ModelSpec(
    name="effort",
    question=Quantity(of="outcome.effort", unit="effort"),
    features=PLAIN,
    candidates=SMALL_CANDIDATES,
    select_by="mae",
    gates=(Gate("mae", "baseline"), Gate("coverage", "within", 0.85, 0.95)),
    baseline="median",
    split=Split(kind="cross-validation", folds=10, repeats=2),
)
POINTS = replace(
    EFFORT,
    name="story-points",
    question=Quantity(of="outcome.points", unit="points"),
    candidates=("baseline", "linear", "random-forest", "xgboost"),
)
POPULAR = ModelSpec(
    name="popular",
    question=Probability(of="outcome.popular"),
    features=PLAIN,
    candidates=("baseline", "linear", "naive-bayes", "random-forest", "xgboost"),
    select_by="log_loss",
    gates=(
        Gate("auc", "baseline"),
        Gate("brier", "baseline"),
        Gate("calibration_error", "bound", 0.05),
    ),
    baseline="majority",
)
BREAKDOWN = replace(
    POPULAR,
    name="breakdown",
    question=Probability(of="outcome.breakdown"),
    candidates=("baseline", "random-forest", "xgboost"),
    split=Split(kind="cross-validation", folds=5, repeats=1),
)


@dataclass(frozen=True)
class PublicLog:
    """name: `group/log`. write: puts the file to read into a folder. document: its mapping.

    published: (spec, score) -> what the source reports, with where. note: how it was read.
    """

    name: str
    write: Callable[[Path], Path]
    specs: tuple[ModelSpec, ...]
    document: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[tuple[str, str], str] = field(default_factory=dict)


def every(folder: Path) -> Iterator[PublicLog]:
    """The logs that a folder has, the short ones first."""
    yield from _effort(folder / "effort")
    yield from _story_points(folder / "storypoints")
    yield from _builds(folder / "ci")
    yield from _articles(folder / "engagement")
    yield from _machines(folder / "maintenance")
    yield from _clusters(folder / "hpc")


SARRO = "Sarro & Petrozziello 2018, 10-fold"
EFFORTS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "kemerer": ("EffortMM", ("ID", "Duration"), ""),
    "albrecht": ("Effort", (), ""),
    "maxwell": (
        "Effort",
        ("Duration", "Time"),
        f"LP4EE 3989, forest 4263, CART 4674 ({SARRO})",
    ),
    "cocomo81": ("actual", (), ""),
    "desharnais": (
        "Effort",
        ("Length", "Project"),
        f"LP4EE 2156, forest 2297, CART 2590 ({SARRO})",
    ),
}


def _effort(folder: Path) -> Iterator[PublicLog]:
    for name, (target, dropped, mae) in EFFORTS.items():
        path = folder / f"{name}.arff"
        if not path.exists():
            continue
        frame = read_arff(path)
        inputs = [column for column in frame.columns if column not in (target, *dropped)]
        yield PublicLog(
            f"effort/{name}",
            _table(frame, name),
            (EFFORT,),
            {"no_times": True, "inputs": inputs, "outcome": {"effort": target}},
            {("effort", "mae"): mae} if mae else {},
        )


def read_arff(path: Path) -> pd.DataFrame:
    """The table of an ARFF file; `?` is no value."""
    names, rows, is_data = [], [], False
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        text = line.strip()
        if not text or text.startswith("%"):
            continue
        if is_data:
            rows.append([cell.strip().strip("'\"") for cell in text.split(",")])
        elif match := re.match(r"@attribute\s+('[^']+'|\S+)", text, re.IGNORECASE):
            names.append(match[1].strip("'"))
        is_data = is_data or text.lower().startswith("@data")
    frame = pd.DataFrame(rows, columns=names)
    return frame.mask(frame == "?")


TAWOSI = "Deep-SE / median, Tawosi et al. 2022"
STORY_POINTS = {
    "mesos": "1.12 / 1.22",
    "appceleratorstudio": "1.42 / 1.30",
    "bamboo": ".81 / .75",
    "clover": "3.39 / 3.71",
    "duracloud": ".82 / .82",
    "mule": "2.59 / 2.47",
    "mulestudio": "3.67 / 3.66",
    "aptanastudio": "4.14 / 3.61",
}


def _story_points(folder: Path) -> Iterator[PublicLog]:
    for name, mae in STORY_POINTS.items():
        path = folder / f"{name}.csv.gz"
        if not path.exists():
            continue
        frame = pd.read_csv(path)
        frame["submitted"] = _in_order(len(frame))
        share = float((frame["split_mark"] == "test").mean())
        spec = replace(POINTS, split=Split(test_share=share, least_rows=100))
        yield PublicLog(
            f"storypoints/{name}",
            _table(frame, name),
            (spec,),
            {
                "columns": {"source_id": "issuekey", "finished": "submitted"},
                "inputs": ["title", "description"],
                "outcome": {"points": "storypoint"},
            },
            {("story-points", "mae"): f"{mae} ({TAWOSI})"},
        )


def _builds(folder: Path) -> Iterator[PublicLog]:
    for path in sorted(folder.glob("*.csv.gz")):
        name = path.name.removesuffix(".csv.gz")
        if name == "iofrol":
            continue
        frame = pd.read_csv(path)
        started = pd.to_datetime(frame.pop("gh_build_started_at"))
        frame["submitted"] = started.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        frame["result"] = frame.pop("build_Failed").map({0: "passed", 1: "failed"})
        inputs = [c for c in frame.columns if c not in ("tr_build_id", "submitted", "result")]
        yield PublicLog(
            f"ci/{name}",
            _table(frame, name),
            (failure_risk.SPEC,),
            {
                "columns": {
                    "source_id": "tr_build_id",
                    "finished": "submitted",
                    "status": "result",
                },
                "constants": {"kind": "build"},
                "inputs": inputs,
            },
        )


def _articles(folder: Path) -> Iterator[PublicLog]:
    for path in folder.glob("OnlineNewsPopularity*.csv.gz"):
        frame = pd.read_csv(path, skipinitialspace=True)
        published = INSTANT - pd.to_timedelta(frame.pop("timedelta"), unit="D")
        frame["submitted"] = published.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        frame["popular"] = (frame.pop("shares") >= 1400).astype(int)
        inputs = [c for c in frame.columns if c not in ("url", "submitted", "popular")]
        yield PublicLog(
            "engagement/articles",
            _table(frame, "articles"),
            (POPULAR,),
            {
                "columns": {"source_id": "url", "finished": "submitted"},
                "inputs": inputs,
                "outcome": ["popular"],
            },
            {("popular", "auc"): "forest .73 on four times as many rows (Fernandes et al. 2015)"},
        )


def _machines(folder: Path) -> Iterator[PublicLog]:
    for path in folder.glob("ai4i2020.csv.gz"):
        frame = pd.read_csv(path)
        leaks = ("TWF", "HDF", "PWF", "OSF", "RNF")
        inputs = [
            c for c in frame.columns if c not in (*leaks, "UDI", "Product ID", "Machine failure")
        ]
        yield PublicLog(
            "maintenance/ai4i2020",
            _table(frame, "machines"),
            (BREAKDOWN,),
            {
                "no_times": True,
                "columns": {"source_id": "UDI"},
                "inputs": inputs,
                "outcome": {"breakdown": "Machine failure"},
            },
        )


TSAFRIR = "last two finished: CTC .56, BLUE .57, on whole logs (Tsafrir et al. 2007)"


def _clusters(folder: Path) -> Iterator[PublicLog]:
    for path in sorted(folder.glob("*.swf.gz")):
        name = path.name.split("-1996")[0].split("-2000")[0].removesuffix("-SP2")
        yield PublicLog(
            f"hpc/{name}",
            lambda _, path=path: path,
            (failure_risk.SPEC, duration.SPEC),
            published={("duration", "relative_accuracy"): TSAFRIR},
        )


def _table(frame: pd.DataFrame, name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"{name}.csv.gz"
        with gzip.open(path, "wt", encoding="utf-8") as file:
            frame.to_csv(file, index=False)
        return path

    return write


def _in_order(rows: int) -> "pd.Index[str]":
    """An hour from each row to the next: the file's order is all that is known of time."""
    times = INSTANT + pd.to_timedelta(range(rows), unit="h")
    return times.strftime("%Y-%m-%dT%H:%M:%SZ")
