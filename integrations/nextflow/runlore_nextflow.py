"""Writes a nextflow.config with a time and a memory for each process of an earlier run's trace.

Each is the quantile that Runlore answers with, times the attempt: a task that was killed for its
limit gets more the next time. Names come from the trace, so only those that are names are written.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runlore_http import (
    PlannedWork,
    PredictionService,
    RequestFailed,
    Value,
    service_from_environment,
)

PROCESS = re.compile(r"[A-Za-z_]\w*(:[A-Za-z_]\w*)*", re.ASCII)
TAGGED = re.compile(r"(.*?)(?: \(.*\))?")
MEGABYTE = 1024**2
BYTES = {"": 1, "B": 1, "KB": 1024, "MB": MEGABYTE, "GB": 1024**3, "TB": 1024**4}
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
NOTHING = ("", "-", "null")
LEAST_MINUTES = 5  # A limit below this saves nothing, and a slow file system breaks it.
LEAST_MEGABYTES = 64
KILLED = "((130..145) + 104 + 175)"  # exit codes of tasks that a scheduler ended


@dataclass(frozen=True)
class ProcessLimits:
    """None where no model answers."""

    name: str
    minutes: int | None
    megabytes: int | None


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    with open(options.trace, encoding="utf-8", newline="") as lines:  # noqa: PTH123
        works = read_processes(lines)
    service = service_from_environment()
    limits = [limits_of(service, name, work, options.quantile) for name, work in works.items()]
    known = [one for one in limits if one.minutes or one.megabytes]
    for one in limits:
        if one not in known:
            sys.stderr.write(f"Runlore: no limit for {one.name}\n")
    if not known:
        sys.stderr.write(f"Runlore: no limits, so {options.output} is not written\n")
        return 1
    text = render(known, options.quantile, options.retries)
    Path(options.output).write_text(text, encoding="utf-8")
    sys.stderr.write(f"Runlore: limits of {len(known)} processes in {options.output}\n")
    return 0


def read_processes(lines: Iterable[str]) -> dict[str, PlannedWork]:
    """The processes of a trace, each as it was requested last: as `runlore ingest nextflow` reads
    it. Other names than those of processes are left out."""
    text = iter(lines)
    header = next(text, "")
    delimiter = "\t" if "\t" in header else ","
    works = {}
    for row in csv.DictReader([header, *text], delimiter=delimiter):
        tagged = TAGGED.fullmatch(row.get("name") or "")
        name = _filled(row.get("process")) or (tagged[1] if tagged else "")
        if PROCESS.fullmatch(name):
            scope, _, kind = name.rpartition(":")
            works[name] = PlannedWork("", kind, scope, _inputs(row))
    return works


def limits_of(
    service: PredictionService, name: str, work: PlannedWork, level: float
) -> ProcessLimits:
    time_s = _quantile(service, "duration", work, level)
    memory = _quantile(service, "peak-memory", work, level)
    return ProcessLimits(
        name,
        None if time_s is None else max(math.ceil(time_s / 60), LEAST_MINUTES),
        None if memory is None else max(math.ceil(memory / MEGABYTE), LEAST_MEGABYTES),
    )


def render(limits: Sequence[ProcessLimits], level: float, retries: int) -> str:
    """The configuration. Each attempt of a task gets its limit once more.

    >>> print(render([ProcessLimits("ALIGN", 95, 2048)], 0.95, 0), end="")
    // Written by runlore_nextflow.py: 95 of 100 tasks need less than these limits.
    process {
        withName: 'ALIGN' {
            time = { 95.min * task.attempt }
            memory = { 2048.MB * task.attempt }
        }
    }
    """
    share = f"{100 * level:g} of 100 tasks need less than these limits."
    lines = [f"// Written by runlore_nextflow.py: {share}", "process {"]
    for one in limits:
        lines.append(f"    withName: '{one.name}' {{")
        if one.minutes is not None:
            lines.append(f"        time = {{ {one.minutes}.min * task.attempt }}")
        if one.megabytes is not None:
            lines.append(f"        memory = {{ {one.megabytes}.MB * task.attempt }}")
        if retries:
            strategy = f"task.exitStatus in {KILLED} ? 'retry' : 'finish'"
            lines.append(f"        errorStrategy = {{ {strategy} }}")
            lines.append(f"        maxRetries = {retries}")
        lines.append("    }")
    return "\n".join([*lines, "}", ""])


def _inputs(row: dict[str, str]) -> dict[str, Value]:
    inputs: dict[str, Value | None] = {
        "cpus": _number(row.get("cpus")),
        "memory_bytes": _amount(row.get("memory"), BYTES, ""),
        "timelimit_s": _amount(row.get("time"), SECONDS, "ms"),
        "queue": _filled(row.get("queue")),
        "container": _filled(row.get("container")),
        "attempt": 1.0,
    }
    return {name: value for name, value in inputs.items() if value is not None}


def _filled(text: str | None) -> str | None:
    return None if text is None or text in NOTHING else text


def _number(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() else None


def _amount(text: str | None, units: Mapping[str, float], plain: str) -> float | None:
    """`2 GB`, `1h 30m`, or a plain number of a raw trace; None for what is no amount."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text or "")
    if not parts or any((unit or plain) not in units for _, unit in parts):
        return None
    return float(sum(float(number) * units[unit or plain] for number, unit in parts))


def _quantile(
    service: PredictionService, spec: str, work: PlannedWork, level: float
) -> float | None:
    try:
        return service.quantile(spec, work, level)
    except RequestFailed:
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("trace", help="trace of an earlier run, of -with-trace trace.txt")
    parser.add_argument("-o", "--output", default="runlore.config", help="default: runlore.config")
    parser.add_argument("-q", "--quantile", type=float, default=0.99, help="default: 0.99")
    parser.add_argument(
        "-r", "--retries", type=int, default=0, help="how often killed tasks are tried again"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
