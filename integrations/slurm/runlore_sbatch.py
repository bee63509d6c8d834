"""Asks Runlore about a job before `sbatch` submits it, and prints the arguments to submit it with.

The arguments are printed as a POSIX shell reads them. One sentence goes to stderr. Exit code 75:
the job is riskier than RUNLORE_MAX_RISK allows. Any other but 0: submit it as it is.
"""

from __future__ import annotations

import math
import os
import pwd
import shlex
import shutil
import signal
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runlore_http import (
    PlannedWork,
    PredictionService,
    RequestFailed,
    Value,
    is_unknown,
    percent,
    probability,
    reason_sentences,
    service_from_environment,
)
from sbatch_options import (
    CommandLine,
    JobOptions,
    NotUnderstood,
    job_options,
    parse_arguments,
)

REFUSED = 75
GIVE_UP_AFTER_S = 15  # The process ends itself then, and the job is submitted as it is.
LARGEST_SCRIPT = 4_000_000  # bytes; more than Slurm takes
MEGABYTE = 1024**2
UNITS = {"K": 1024, "M": MEGABYTE, "G": 1024**3, "T": 1024**4}
LEAST_TIME_S = 300  # A limit below this saves nothing, and a slow file system breaks it.
MEMORY_OPTIONS = ("mem", "mem-per-cpu", "mem-per-gpu")
NO_JOB = ("help", "usage", "version")


@dataclass(frozen=True)
class AddedLimits:
    """options: to add before the script. sentence: for the person who submits."""

    options: tuple[str, ...]
    sentence: str
    is_refused: bool = False


@dataclass(frozen=True)
class Policy:
    """How answers are used. level: the share of jobs that stays below a limit that is added."""

    level: float = 0.99
    max_risk: float = 1.0
    lowers: bool = False


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    signal.alarm(GIVE_UP_AFTER_S)
    try:
        line = parse_arguments(arguments)
        job = job_options(line, arguments, environment, _script_text(line, arguments))
    except NotUnderstood:
        return 1
    if any(name in job.options for name in NO_JOB):
        return 1
    try:
        plan = make_plan(service_from_environment(environment), job, policy_of(environment))
    except RequestFailed as error:
        plan = AddedLimits((), f"{error}. The job is submitted as it is.")
    if plan.sentence and "quiet" not in line.options:
        sys.stderr.write(f"Runlore: {plan.sentence}\n")
    if plan.is_refused:
        return REFUSED
    submitted = with_options(arguments, line, plan.options)
    sys.stdout.buffer.write(os.fsencode(" ".join(map(shlex.quote, submitted))))
    return 0


def policy_of(environment: Mapping[str, str]) -> Policy:
    return Policy(
        _share(environment.get("RUNLORE_QUANTILE"), 0.99),
        _share(environment.get("RUNLORE_MAX_RISK"), 1.0),
        environment.get("RUNLORE_SLURM_MODE") == "lower",
    )


def make_plan(service: PredictionService, job: JobOptions, policy: Policy) -> AddedLimits:
    """Ask for the risk, and for limits that the job lacks. Raises RequestFailed."""
    work = work_of(job, os.environ)
    answer: Mapping[str, Any] = {}
    try:
        answer = service.predict("failure-risk", work)
        risk = probability(answer)
        said = f"{percent(risk)} risk of failure"
    except RequestFailed as error:
        if error.status is None:
            raise
        risk, said = 0.0, f"no risk of failure: {error}"
    reasons = reason_sentences(answer, 2)
    if reasons:
        said += f" ({'; '.join(reasons)})"
    if risk > policy.max_risk and not is_unknown(answer):
        advice = f"more than the {percent(policy.max_risk)} of RUNLORE_MAX_RISK: not submitted"
        return AddedLimits(
            (), f"{said}, {advice}. `sbatch --runlore-off …` submits it.", is_refused=True
        )
    options = limits(service, work, job, policy)
    if not options:
        return AddedLimits((), f"{said}.")
    share = f"{100 * policy.level:g} of 100 such jobs need less"
    return AddedLimits(options, f"{said}; {' and '.join(options)} added, as {share}.")


def limits(
    service: PredictionService, work: PlannedWork, job: JobOptions, policy: Policy
) -> tuple[str, ...]:
    """The options for time and memory to add; none where an option may be set out of sight."""
    if not job.is_whole:
        return ()
    own_s, own_bytes = seconds(job.value("time")), memory_bytes(job.value("mem"))
    options = []
    if job.value("time") is None or (policy.lowers and own_s):
        time_s = _quantile(service, "duration", work, policy.level)
        if time_s is not None:
            minutes = math.ceil(max(time_s, LEAST_TIME_S) / 60)
            if own_s is None or minutes * 60 < own_s:
                options.append(f"--time={minutes}")
    if is_one_task(job) and (job.value(*MEMORY_OPTIONS) is None or (policy.lowers and own_bytes)):
        peak = _quantile(service, "peak-memory", work, policy.level)
        if peak is not None:
            megabytes = max(math.ceil(peak / MEGABYTE), 1)
            if own_bytes is None or megabytes * MEGABYTE < own_bytes:
                options.append(f"--mem={megabytes}M")
    return tuple(options)


def with_options(arguments: Sequence[str], line: CommandLine, added: Sequence[str]) -> list[str]:
    """The last of two equal options counts, so the added ones stand just before the script."""
    at = len(arguments) if line.script is None else line.script
    if at and arguments[at - 1] == "--":
        at -= 1
    return [*arguments[:at], *added, *arguments[at:]]


def work_of(job: JobOptions, environment: Mapping[str, str]) -> PlannedWork:
    """The job as `runlore ingest slurm` reads it of sacct later: the same names and units."""
    nodes = _count(job.value("nodes"), 1)
    tasks = _count(job.value("ntasks"), _count(job.value("ntasks-per-node"), 1) * nodes)
    cpus = tasks * _count(job.value("cpus-per-task"), 1)
    inputs: dict[str, Value | None] = {
        "cpus": cpus,
        "nodes": nodes,
        "memory_bytes": _requested_memory(job, nodes, cpus),
        "gpus": _gpus(job, nodes, tasks),
        "timelimit_s": seconds(job.value("time")),
        "account": job.value("account"),
        "qos": job.value("qos"),
        "constraints": job.value("constraint"),
        "licenses": job.value("licenses"),
        "reservation": job.value("reservation"),
        "wckey": job.value("wckey"),
    }
    return PlannedWork(
        actor=pwd.getpwuid(os.getuid()).pw_name,
        kind=job_name(job),
        scope=job.value("partition") or environment.get("RUNLORE_SLURM_PARTITION", ""),
        inputs={name: value for name, value in inputs.items() if value not in (None, "")},
    )


def job_name(job: JobOptions) -> str:
    if job.value("job-name"):
        return str(job.value("job-name"))
    if job.value("wrap") is not None:
        return "wrap"
    return os.path.basename(job.script) if job.script else "sbatch"  # noqa: PTH119  (as Slurm does)


def is_one_task(job: JobOptions) -> bool:
    """The measured peak is of one task, and --mem is for all of a node's."""
    several = ("ntasks", "ntasks-per-node", "nodes", "gpus-per-task", "ntasks-per-gpu")
    return all(_count(job.value(name), 1) == 1 for name in several)


def seconds(text: str | None) -> float | None:
    """A time limit of Slurm: minutes, M:S, H:M:S, D-H, D-H:M or D-H:M:S; None for no limit.

    >>> seconds("90"), seconds("1-12"), seconds("2:30:00"), seconds("UNLIMITED")
    (5400.0, 129600.0, 9000.0, None)
    """
    days, dash, rest = (text or "").partition("-")
    parts = (rest if dash else days).split(":")
    if not all(part.isdecimal() for part in (*parts, *([days] if dash else []))) or len(parts) > 3:
        return None
    units = (3600, 60, 1) if dash or len(parts) == 3 else (60, 1)
    whole = sum(int(part) * unit for part, unit in zip(parts, units))
    return float(whole + (int(days) * 86400 if dash else 0)) or None


def memory_bytes(text: str | None) -> float | None:
    """A size of Slurm, in megabytes unless a unit follows; None for "all of the node", 0.

    >>> memory_bytes("4G"), memory_bytes("500"), memory_bytes("0")
    (4294967296.0, 524288000.0, None)
    """
    number, unit = (text or "").upper().rstrip("B"), "M"
    if number[-1:] in UNITS:
        number, unit = number[:-1], number[-1]
    try:
        size = float(number) * UNITS[unit]
    except ValueError:
        return None
    return size if 0 < size < math.inf else None


def _requested_memory(job: JobOptions, nodes: int, cpus: int) -> float | None:
    whole, by_cpu = memory_bytes(job.value("mem")), memory_bytes(job.value("mem-per-cpu"))
    if whole is not None:
        return whole * nodes
    return None if by_cpu is None else by_cpu * cpus


def _gpus(job: JobOptions, nodes: int, tasks: int) -> int | None:
    """`--gpus=a100:2`, `--gpus-per-node`, `--gpus-per-task` or `--gres=gpu:2`."""
    for name, times in (("gpus", 1), ("gpus-per-node", nodes), ("gpus-per-task", tasks)):
        if job.value(name):
            return _last_number(str(job.value(name))) * times
    for part in (job.value("gres") or "").split(","):
        kind, _, rest = part.removeprefix("gres/").partition(":")
        if kind == "gpu":
            return (_last_number(rest) if rest else 1) * nodes
    return None


def _last_number(text: str) -> int:
    """Of `a100:2`; a type without a number is one of it."""
    last = text.split("(", maxsplit=1)[0].rpartition(":")[2]
    return int(last) if last.isdecimal() else 1


def _count(text: str | None, otherwise: int) -> int:
    """The least of `2-4` nodes."""
    least = (text or "").partition("-")[0]
    return int(least) if least.isdecimal() and int(least) else otherwise


def _share(text: str | None, otherwise: float) -> float:
    try:
        share = float(text or otherwise)
    except ValueError:
        return otherwise
    return share if 0 < share <= 1 else otherwise


def _quantile(
    service: PredictionService, spec: str, work: PlannedWork, level: float
) -> float | None:
    """None where no model answers: there is no limit to add then."""
    try:
        return service.quantile(spec, work, level)
    except RequestFailed:
        return None


def _script_text(line: CommandLine, arguments: Sequence[str]) -> str | None:
    """The script's text; None where reading it would take it away, as from a pipe."""
    if line.script is None:
        return None
    name = arguments[line.script]
    path = name if "/" in name or os.path.exists(name) else shutil.which(name)  # noqa: PTH110
    if path is None:
        return None
    try:
        status = os.stat(path)  # noqa: PTH116  (pathlib takes long to import)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_SCRIPT:
            return None
        with open(path, encoding="utf-8", errors="surrogateescape") as script:  # noqa: PTH123
            return script.read()
    except OSError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
