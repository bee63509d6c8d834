"""Specs on public logs, trained and tested: writes docs/results.md.

    python bench/public_logs.py FOLDER PAGE.md [--results FILE] [--only NAME]... [--page-only]

FOLDER has the folders hpc, ci, effort, storypoints, engagement and maintenance. A line of JSON for
each log and spec goes into the results file as soon as it is known; a log that is run again
replaces its lines. `--only ci` runs the logs whose name contains that; the page has all lines of
the file.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from public import cases, page

from runlore.kernel.instants import now
from runlore.look.actions.reading import LogChoice, read_log_file
from runlore.models import scores
from runlore.specs.model_spec import ModelSpec
from runlore.training.actions.extraction import extract_log
from runlore.training.rules import fitting
from runlore.training.rules.split import Division, divide
from runlore.training.rules.trained import Trained
from runlore.training.rules.training_set import TrainingSet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--results", type=Path, default=Path("bench/public/results.jsonl"))
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--page-only", action="store_true")
    said = parser.parse_args()
    if not said.page_only:
        for log in cases.every(said.folder):
            if not said.only or any(part in log.name for part in said.only):
                for result in measured(log):
                    keep(said.results, result)
    said.page.write_text(page.write(read(said.results)), encoding="utf-8")


def read(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def keep(file: Path, result: dict[str, Any]) -> None:
    """Add a result, in the place of the one of the same log and spec."""
    key = (result["log"], result["spec"])
    others = [one for one in read(file) if (one["log"], one["spec"]) != key]
    lines = [json.dumps(one) for one in [*others, result]]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(json.dumps({"log": key[0], "spec": key[1], "s": result["seconds"]}), flush=True)


def measured(log: cases.PublicLog) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="runlore-results-") as folder:
        path = log.write(Path(folder))
        document = log.document or None
        read_log = read_log_file(
            LogChoice(path, None if document is None else "csv", document), now()
        )
    for spec in log.specs:
        began = time.perf_counter()
        extracted = extract_log(read_log.log, spec)
        trained = fitting.fit(spec, extracted.data, extracted.plan, say)
        seconds = time.perf_counter() - began
        yield result_of(log, trained, extracted.data) | {"seconds": round(seconds)}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def result_of(log: cases.PublicLog, trained: Trained, data: TrainingSet) -> dict[str, Any]:
    spec, evidence = trained.spec, trained.evidence
    constants = constant_scores(spec, data, divide(spec, data))
    return {
        "log": log.name,
        "spec": spec.name,
        "unit": getattr(spec.question, "unit", ""),
        "rows": len(data),
        "tested": len(trained.test.target),
        "split": spec.split.kind,
        "rounds": f"{spec.split.repeats} × {spec.split.folds}",
        "candidate": trained.kind,
        "passed": trained.verdict.passed,
        "reasons": list(trained.verdict.reasons),
        "scores": {name: vars(score) for name, score in evidence.candidate.items()},
        "baseline": {name: score.value for name, score in evidence.baseline.items()},
        "baseline_name": spec.baseline,
        "constant": constants,
        "published": {
            score: text for (name, score), text in log.published.items() if name == spec.name
        },
        "at": f"{now():%Y-%m-%d}",
    }


def constant_scores(spec: ModelSpec, data: TrainingSet, division: Division) -> dict[str, float]:
    """What the training median, or share, scores on the same test rows."""
    table: dict[str, list[float]] = {}
    for part in division.rounds or (division,):
        taught, actual = data.target[part.train], data.target[part.test]
        answer = taught.mean() if spec.is_probability else np.median(taught)
        for score in scores.scores_of(is_probability=spec.is_probability):
            value = scores.measure(score, actual, np.full(len(actual), float(answer)))
            table.setdefault(score, []).append(value)
    return {score: float(np.nanmean(values)) for score, values in table.items()}


if __name__ == "__main__":
    main()
