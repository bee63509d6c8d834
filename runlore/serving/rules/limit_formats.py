"""A limit in the syntax of the tool that is to hold it; never less than the limit itself."""

import math
from typing import Literal, get_args

from runlore.kernel.errors import BadInput
from runlore.kernel.readable import IN_BYTES, IN_SECONDS

Format = Literal["plain", "seconds", "slurm", "github", "airflow", "nextflow"]
FORMATS: tuple[Format, ...] = get_args(Format)

MIB = 1024.0**2
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


def format_limit(value: float, unit: str, style: Format) -> str:
    """Raises BadInput for a tool that has no such limit.

    >>> [format_limit(4260.2, "s", style) for style in FORMATS[:4]]
    ['4261', '4261', '--time=01:11:01', 'timeout-minutes: 72']
    >>> format_limit(4260, "s", "airflow"), format_limit(4260, "s", "nextflow")
    ('timedelta(seconds=4260)', "time '1h 11m'")
    >>> format_limit(3e9, "bytes", "slurm"), format_limit(3e9, "bytes", "nextflow")
    ('--mem=2862M', "memory '2862 MB'")
    """
    if not 0 <= value < math.inf:
        raise BadInput(f"limit: {value} {unit} is no limit", "limit")
    if style == "plain":
        return str(math.ceil(value)) if unit in (IN_SECONDS | IN_BYTES) else repr(value)
    if unit in IN_SECONDS:
        return _time(math.ceil(value * IN_SECONDS[unit]), style)
    if unit in IN_BYTES:
        return _memory(value * IN_BYTES[unit], style)
    raise BadInput(f"format: no {style} limit is counted in {unit}; use plain", "format")


def _time(seconds: int, style: Format) -> str:
    match style:
        case "slurm":
            return f"--time={_slurm_time(max(seconds, 1))}"  # 0 is no limit at all
        case "github":
            return f"timeout-minutes: {max(math.ceil(seconds / MINUTE_S), 1)}"
        case "airflow":
            return f"timedelta(seconds={seconds})"
        case "nextflow":
            return f"time '{_nextflow_time(max(seconds, 1))}'"
        case _:
            return str(seconds)


def _slurm_time(seconds: int) -> str:
    """`HH:MM:SS`, or `D-HH:MM:SS` from a day on."""
    days, rest = divmod(seconds, DAY_S)
    clock = f"{rest // HOUR_S:02}:{rest % HOUR_S // MINUTE_S:02}:{rest % MINUTE_S:02}"
    return f"{days}-{clock}" if days else clock


def _nextflow_time(seconds: int) -> str:
    parts = []
    for unit, size in (("d", DAY_S), ("h", HOUR_S), ("m", MINUTE_S), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts)


def _memory(size: float, style: Format) -> str:
    mib = max(math.ceil(size / MIB), 1)
    match style:
        case "slurm":
            return f"--mem={mib}M"
        case "nextflow":
            return f"memory '{mib} MB'"
        case _:
            raise BadInput(
                f"format: {style} has no limit of memory; use plain, slurm or nextflow", "format"
            )
