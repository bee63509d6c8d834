"""The simulated log as files, and how `runlore ingest csv` is to read them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runlore.simulate.log import INPUTS, SIMULATED_SOURCE, SimulatedLog


@dataclass(frozen=True, slots=True)
class SimulatedFiles:
    executions: Path
    metrics: Path
    truth: Path
    mapping: Path


def mapping() -> dict[str, Any]:
    return {
        "source": SIMULATED_SOURCE,
        "columns": {
            "source_id": "id",
            "actor": "user",
            "kind": "job_type",
            "scope": "host",
            "submitted": "submitted_at",
            "started": "started_at",
            "finished": "finished_at",
            "status": "result",
            "known_at": "reported_at",
        },
        "inputs": list(INPUTS),
        "outcome": ["cost_usd"],
        "status": {"ok": "succeeded", "failed": "failed", "cancelled": "cancelled"},
    }


def write(log: SimulatedLog, folder: Path) -> SimulatedFiles:
    """Write all files; makes the folder when it is missing, and replaces earlier files."""
    executions = write_csv(log, folder)
    files = SimulatedFiles(
        executions=executions,
        metrics=folder / "simulated-metrics.csv",
        truth=folder / "simulated-truth.json",
        mapping=folder / "simulated-mapping.json",
    )
    log.metrics.to_csv(files.metrics, index=False, lineterminator="\n")
    files.truth.write_text(json.dumps(truth(log), indent=1) + "\n", encoding="utf-8")
    files.mapping.write_text(json.dumps(mapping(), indent=1) + "\n", encoding="utf-8")
    return files


def write_csv(log: SimulatedLog, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "simulated-executions.csv"
    path.write_text("\n".join(_lines(log)) + "\n", encoding="utf-8", newline="\n")
    return path


def truth(log: SimulatedLog) -> dict[str, Any]:
    """The planted facts with counts, as the JSON file beside the log holds them."""
    return {
        "label": "simulated, no real data",
        "source": SIMULATED_SOURCE,
        "scenario": log.scenario.as_json(),
        "counts": counts(log),
        **log.planted,
        "dirty_lines": log.dirt[["line", "reason"]].to_dict("records"),
    }


def counts(log: SimulatedLog) -> dict[str, int]:
    executions, records = log.executions, log.records
    return {
        "executions": len(executions),
        "known_by_the_end": int(records["id"].nunique()),
        "late": int(executions["is_late"].sum()),
        "corrections": int(records["id"].duplicated().sum()),
        "dirty_lines": len(log.dirt),
        "lines": 1 + len(records) + len(log.dirt),
        "metric_points": len(log.metrics),
    }


def _lines(log: SimulatedLog) -> list[str]:
    clean = log.records.to_csv(index=False, lineterminator="\n").splitlines()
    for line, text in zip(log.dirt["line"], log.dirt["text"], strict=True):
        clean.insert(line - 1, text)
    return clean
