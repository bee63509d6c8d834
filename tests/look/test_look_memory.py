"""Requests of memory are replayed where a log has them and what was used."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from runlore.look.actions.limits import memory_limits
from runlore.look.actions.reading import LogChoice, read_log_file

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MIB = 2**20
REQUEST = 16 * 1024 * MIB


def write_jobs(folder: Path, rows: int = 500) -> Path:
    """Jobs of two kinds that need 1 and 2 GiB, and request 16."""
    rng = np.random.default_rng(1)
    kind = rng.integers(1, 3, rows)
    used = (kind * 1024 * rng.uniform(0.9, 1.0, rows)).astype(int) * MIB
    lines = ["id,user,kind,submitted,started,finished,status,memory_bytes,peak_memory_bytes"]
    for at in range(rows):
        day, minute = divmod(at * 20, 1440)
        start = f"2025-{1 + day // 28:02d}-{1 + day % 28:02d}T{minute // 60:02d}:{minute % 60:02d}"
        lines.append(
            f"{at},ann,k{kind[at]},{start}:00Z,{start}:00Z,{start}:30Z,ok,{REQUEST},{used[at]}"
        )
    path = folder / "jobs.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_memory_that_nobody_used_is_saved(tmp_path: Path) -> None:
    document = {"outcome": {"peak_memory_bytes": "peak_memory_bytes"}}
    read = read_log_file(LogChoice(write_jobs(tmp_path), document=document), NOW)
    found = {one.policy: one for one in memory_limits(read.log, lambda text: None)}
    best = found["the model's 99 % quantile"]
    assert best.unit == "GiB hours"
    assert best.saved.value > 0.8
    assert best.killed.value < 0.05
    assert best.requested > best.needed > 0


def test_a_log_without_requests_has_nothing_to_replay(tmp_path: Path) -> None:
    path = write_jobs(tmp_path)
    text = path.read_text().replace("memory_bytes,peak", "cells,peak", 1)
    path.write_text(text)
    document = {"outcome": {"peak_memory_bytes": "peak_memory_bytes"}}
    read = read_log_file(LogChoice(path, document=document), NOW)
    assert memory_limits(read.log, lambda text: None) == ()
