"""Does the loop earn its keep? Replays public logs and writes a page with plots.

    python bench/live/backtest.py DATA docs/backtest.md
    python bench/live/backtest.py DATA docs/backtest.md --only CTC:failure-risk

DATA holds `hpc/*.swf.gz` and `drift/electricity.csv.gz`. What was found goes to `backtest/*.json`
beside the page, and the page is made of all that is there: cut off, it goes on where it was.
"""

import argparse
import gzip
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from backtest_page import write_page

from runlore.backtest.actions import BacktestOptions, BacktestOutcome, backtest, draw
from runlore.cli.backtest import as_json
from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.durations import DAY_S
from runlore.kernel.instants import now
from runlore.kernel.telemetry import silence_telemetry
from runlore.kernel.threads import calm_threads
from runlore.records.mapping import declare
from runlore.settings import Settings
from runlore.specs.catalog import duration, failure_risk
from runlore.specs.model_spec import CandidateKind, Gate, ModelSpec, Probability
from runlore.store.engine import Store, open_store

HALF_HOUR_S = 1800
ELECTRICITY = ModelSpec(
    name="price-goes-up",
    question=Probability(of="failed"),
    features=FeatureSet(
        histories=(HistoryFeatures(("kind",), ("failed",), (4 * HALF_HOUR_S, DAY_S, 7 * DAY_S)),)
    ),
    candidates=("baseline", "linear", "gradient-boosting"),
    select_by="log_loss",
    gates=(Gate("auc", "baseline"), Gate("brier", "baseline")),
    baseline="kind.failed_last",
)
"""A user's own spec: is the price of the next half hour above the last day's mean?
Its baseline says the same as last time."""


@dataclass(frozen=True)
class Case:
    """rows: the newest so many are replayed. candidate: the one kind that is trained."""

    log: str
    file: str
    spec: ModelSpec
    candidate: CandidateKind
    rows: int | None = None
    max_rows: int = 15_000

    @property
    def name(self) -> str:
        return f"{self.log}-{self.spec.name}"


CTC, BLUE = "hpc/CTC-SP2-1996-3.1-cln.swf.gz", "hpc/SDSC-BLUE-2000-4.2-cln.swf.gz"
CASES = (
    Case("electricity", "drift/electricity.csv.gz", ELECTRICITY, "gradient-boosting"),
    Case("CTC", CTC, failure_risk.SPEC, "gradient-boosting"),
    Case("SDSC-BLUE", BLUE, failure_risk.SPEC, "gradient-boosting", 80_000),
    Case("CTC", CTC, duration.SPEC, "xgboost-modal"),
    Case("SDSC-BLUE", BLUE, duration.SPEC, "xgboost-modal", 80_000),
)


def main() -> None:
    silence_telemetry()
    calm_threads()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--only", action="append", help="LOG:SPEC; again for more.")
    parser.add_argument("--rows", type=int, help="Replay only the newest so many of each log.")
    parser.add_argument("--max-rows", type=int, help="Newest known rows that teach.")
    parser.add_argument("--candidate", choices=get_args(CandidateKind), help="The one to train.")
    asked = parser.parse_args()
    folder = asked.page.parent / "backtest"
    folder.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        if not asked.only or f"{case.log}:{case.spec.name}" in asked.only:
            chosen = replace(case, candidate=asked.candidate or case.candidate)
            found = run(limited(chosen, asked.rows, asked.max_rows), asked.data, folder)
            told = folder / f"{case.name}.json"
            told.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(json.dumps({"bench": f"backtest.{case.name}", **found["short"]}), flush=True)
            write_page(asked.page, folder)
    write_page(asked.page, folder)


def limited(case: Case, rows: int | None, max_rows: int | None) -> Case:
    return replace(case, rows=rows or case.rows, max_rows=max_rows or case.max_rows)


def run(case: Case, data: Path, folder: Path) -> dict[str, Any]:
    began, cpu = time.perf_counter(), time.process_time()
    spec = replace(case.spec, split=replace(case.spec.split, max_rows=case.max_rows))
    with logged(case, data) as store:
        choice = BacktestOptions(rows=case.rows, candidates=(case.candidate,))
        outcome = backtest(store, spec, choice, progress=lambda text: print(text, flush=True))
    with tempfile.TemporaryDirectory() as drawn:
        for path in draw(outcome, Path(drawn)):
            kind = path.stem.removeprefix(f"{spec.name}-")
            (folder / f"{case.name}-{kind}.png").write_bytes(path.read_bytes())
    found = as_json(outcome)
    for policy in found["policies"].values():
        for each in policy["history"]:
            each["reasons"] = each["reasons"][:3]
    found |= {
        "log": case.log,
        "max_rows": case.max_rows,
        "newest": case.rows,
        "accuracy": accuracies(outcome),
    }
    found |= {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
    found["cores"] = os.cpu_count()
    score = spec.select_by
    found["short"] = {
        name: {"score": each["scores"][score], "gains": each["gains"][score]}
        for name, each in found["standings"].items()
    }
    return found


def accuracies(outcome: BacktestOutcome) -> dict[str, float]:
    """Of yes or no, cut at one half: what is published of electricity."""
    if not outcome.spec.is_probability:
        return {}
    answers = outcome.answers
    return {
        name: float(np.mean((told > 0.5) == (answers.target > 0)))
        for name, told in answers.of.items()
    }


@contextmanager
def logged(case: Case, data: Path) -> Iterator[Store]:
    """A store of its own that holds one log."""
    with (
        tempfile.TemporaryDirectory(prefix="rl-") as home,
        open_store(Settings(home=Path(home), database_url=None)) as store,
    ):
        ingest_file(store, source(case, data, Path(home)), now())
        yield store


def source(case: Case, data: Path, home: Path) -> FileSource:
    path = data / case.file
    if case.log != "electricity":
        return FileSource(path, "swf", case.log)
    made = half_hours(path, home / "electricity.csv")
    return FileSource(made, "csv", case.log, declare({"inputs": "*"}))


def half_hours(path: Path, made: Path) -> Path:
    """Elec2 as executions: each half hour is submitted at its start and ends in UP, as failed, or
    DOWN, a second before the next."""
    with gzip.open(path) as file:
        rows = pd.read_csv(file)
    begins = pd.Timestamp("1996-05-07", tz="UTC")
    at = pd.DatetimeIndex(begins + pd.to_timedelta(np.arange(len(rows)) * HALF_HOUR_S, "s"))
    told = rows[["nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]].assign(
        id=np.arange(len(rows)),
        kind="half hour",
        submitted=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        finished=(at + pd.Timedelta(HALF_HOUR_S - 1, "s")).strftime("%Y-%m-%dT%H:%M:%SZ"),
        status=np.where(rows["class"] == "UP", "failed", "succeeded"),
    )
    told.to_csv(made, index=False)
    return made


if __name__ == "__main__":
    main()
