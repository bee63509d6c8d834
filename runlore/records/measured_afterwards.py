"""Fields of logs that are only known after the work has ended, by name.

An importer that keeps inputs apart from outcomes needs none of this. A file with a column of its
own for each field does: such a column would become an input.
"""

import re
from collections.abc import Mapping

# An importer adds the fields of its tool here, as the tool writes them.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "any log": (
        "exit_code", "exit_status", "exitcode", "exit_signal", "return_code", "returncode",
        "error_message", "error_type", "error_code", "failure_reason", "failure_message",
        "exception", "traceback", "stack_trace", "stderr",
        "end_time", "ended_at", "end_date", "finish_time", "finished_at", "completed_at",
        "completion_time", "stopped_at",
        "elapsed", "elapsed_time", "run_duration", "actual_duration", "actual_runtime",
        "cpu_time", "cpu_seconds", "user_cpu", "system_cpu", "total_cpu",
        "peak_memory", "peak_rss", "max_rss", "used_memory", "memory_used", "mem_used",
        "used_cpu", "energy_used", "consumed_energy",
    ),
    "slurm": (
        "Elapsed", "ElapsedRaw", "End", "ExitCode", "DerivedExitCode", "MaxRSS", "MaxVMSize",
        "AveRSS", "AveCPU", "TotalCPU", "CPUTimeRAW", "UserCPU", "SystemCPU",
        "MaxDiskRead", "MaxDiskWrite", "ConsumedEnergy", "ConsumedEnergyRaw",
    ),
    "nextflow": (
        "exit", "realtime", "%cpu", "%mem", "rss", "vmem", "peak_rss", "peak_vmem", "rchar",
        "wchar", "syscr", "syscw", "read_bytes", "write_bytes", "vol_ctxt", "inv_ctxt",
    ),
    "snakemake": ("max_vms", "max_uss", "max_pss", "io_in", "io_out", "mean_load"),
    "airflow": ("end_date",),
    "github": ("conclusion", "completed_at"),
    "gitlab": ("failure_reason", "finished_at", "coverage"),
    "pbs": ("resources_used.walltime", "resources_used.mem", "resources_used.cput"),
}  # fmt: skip

UNITS = frozenset({"s", "sec", "secs", "seconds", "ms", "us", "min", "minutes", "h", "hours"}) | {
    "b", "bytes", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "raw",
}  # fmt: skip
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def origin(name: str) -> str | None:
    """Which kind of log has this field, measured afterwards; None: no such field is known.

    >>> origin("exitCode"), origin("max_rss_mb"), origin("previous_exit_code"), origin("priority")
    ('any log', 'any log', None, None)
    """
    return _origins.get(_plain(name)) or _origins.get(_plain(name, has_unit=True))


def _plain(name: str, *, has_unit: bool = False) -> str:
    words = [word for word in re.split(r"[^a-z0-9%]+", CAMEL.sub("_", name).lower()) if word]
    if has_unit and len(words) > 1 and words[-1] in UNITS:
        words.pop()
    return "".join(words)


_origins = {_plain(field): log for log, fields in [*FIELDS.items()][::-1] for field in fields}
