"""CPU, memory, disk traffic, file descriptors and start of every process of the service.

A scrape reaches one worker of several, which reads those of all: the workers, their supervisor and
the shadow. The names are those of Prometheus' own collector, with a label for the process.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

WORKER, SHADOW = "bentos.worker", "bentos.predict.shadow"
LABELS = ("process",)

if TYPE_CHECKING:
    import psutil


def process_metrics() -> Iterator[Metric]:
    """Processes that end meanwhile are left out."""
    counters = {
        name: CounterMetricFamily(f"process_{name}", text, labels=LABELS)
        for name, text in (
            ("cpu_seconds", "User and system CPU time"),
            ("read_bytes", "Bytes read from disks"),
            ("written_bytes", "Bytes written to disks"),
        )
    }
    families = {
        name: GaugeMetricFamily(f"process_{name}", text, labels=LABELS)
        for name, text in (
            ("resident_memory_bytes", "Resident memory"),
            ("virtual_memory_bytes", "Virtual memory"),
            ("open_fds", "Open file descriptors"),
            ("start_time_seconds", "Start of the process, in seconds since 1970"),
        )
    }
    for name, values in _readings():
        for key, value in values.items():
            (counters.get(key) or families[key]).add_metric((name,), value)
    yield from counters.values()
    yield from families.values()


def _readings() -> Iterator[tuple[str, dict[str, float]]]:
    import psutil

    for name, process in _processes():
        try:
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
                yield (
                    name,
                    {
                        **_disk_bytes(process),
                        "cpu_seconds": times.user + times.system,
                        "resident_memory_bytes": memory.rss,
                        "virtual_memory_bytes": memory.vms,
                        "open_fds": process.num_fds(),
                        "start_time_seconds": process.create_time(),
                    },
                )
        except psutil.Error:
            continue


def _disk_bytes(process: "psutil.Process") -> dict[str, float]:
    """Where the system counts them, and this user may know."""
    import psutil

    try:
        counted = process.io_counters()
    except (psutil.AccessDenied, AttributeError, OSError):
        return {}
    return {"read_bytes": counted.read_bytes, "written_bytes": counted.write_bytes}


def _processes() -> Iterator[tuple[str, "psutil.Process"]]:
    """By name; under another supervisor, such as `bentoml serve`, only this process."""
    import psutil

    own = psutil.Process()
    parent = own.parent()
    family = [] if parent is None else parent.children(recursive=True)
    named = [(name, process) for process in family if (name := _name(process))]
    if parent is None or all(process.pid != own.pid for _, process in named):
        yield "worker", own
        return
    yield "supervisor", parent
    yield from named


def _name(process: "psutil.Process") -> str:
    """By its command; empty for one that is none of ours."""
    import psutil

    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        return ""
    if SHADOW in command:
        return "shadow"
    index = re.search(r"--index (\d+)", command) if WORKER in command else None
    return f"worker {index[1]}" if index else ""
