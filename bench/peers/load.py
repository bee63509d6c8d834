"""wrk, the same for every server: a closed loop, or a constant rate."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("ask.lua")
PERCENTILES = ("p50", "p95", "p99", "p99.9")
LINES = 64
"""Connections of the constant rate, fewer where none would be used within a second: more than are
ever busy, unless the server falls behind."""


@dataclass(frozen=True)
class Target:
    """Where to ask what. bodies: JSON, asked in turn."""

    port: int
    path: str
    bodies: tuple[bytes, ...]


@dataclass(frozen=True)
class Figure:
    """What came of one load.

    errors: answers that were not 200, and those that did not come. late: of a constant rate,
    requests that were sent over 2 ms after they were due.
    """

    answers: int
    errors: int
    rps: float
    latency_ms: dict[str, float]
    late: int = 0

    def as_json(self) -> dict[str, Any]:
        told = {"rps": round(self.rps, 1), **{k: round(v, 3) for k, v in self.latency_ms.items()}}
        return {**told, "answers": self.answers, "errors": self.errors, "late": self.late}


def require_wrk() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit(
            "bench/serving.py needs the load generator wrk: `apt-get install wrk` (Debian, Ubuntu)"
            " or `brew install wrk`"
        )


def closed(target: Target, connections: int, seconds: float, folder: Path) -> Figure:
    """Every connection asks again as soon as it is answered."""
    return _wrk(target, connections, seconds, folder)


def constant(target: Target, rate: float, seconds: float, folder: Path) -> Figure:
    """Ask at fixed instants (to the millisecond), whether answers come or not.

    Whichever connection is free takes the next instant. Time counts from the sending; a request
    that went out later than it was due is in `late`.
    """
    return _wrk(target, max(1, min(LINES, round(rate))), seconds, folder, str(rate))


def _wrk(target: Target, connections: int, seconds: float, folder: Path, *rate: str) -> Figure:
    """wrk fills in the samples that a stalled connection did not take (its own correction)."""
    bodies = folder / "bodies.jsonl"
    bodies.write_bytes(b"\n".join(target.bodies) + b"\n")
    url = f"http://127.0.0.1:{target.port}{target.path}"
    span = f"{max(1, round(seconds))}s"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{span}", "--timeout", "10s"]
    done = subprocess.run(
        [*command, "-s", str(SCRIPT), url, "--", str(bodies), *rate],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    good = told["answers"] - told["refused"]
    latency = {name: told[name] for name in PERCENTILES}
    errors = told["refused"] + told["broken"]
    return Figure(told["answers"], errors, good / told["seconds"], latency, told["late"])
