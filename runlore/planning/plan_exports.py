"""A plan for other programs: CSV, iCalendar, Slurm, JSON."""

import csv
import io
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from math import ceil

from runlore.kernel.errors import BadInput
from runlore.kernel.icalendar import CalendarEvent, write_icalendar
from runlore.planning.allocation_views import PlacedTask, PlanView, plan_as_json

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # that a spreadsheet would run


def export_plan(view: PlanView, file_format: str) -> str:
    """Raises BadInput for a format that there is not."""
    return FORMATS[check_format(file_format)](view)


def check_format(name: str) -> str:
    if name not in FORMATS:
        raise BadInput(f"format: {name[:20]!r} is none of {', '.join(sorted(FORMATS))}", "format")
    return name


def to_json(view: PlanView) -> str:
    return json.dumps(plan_as_json(view), indent=1, allow_nan=False) + "\n"


def to_csv(view: PlanView) -> str:
    """One task a row; text that a spreadsheet would run begins with an apostrophe."""
    out = io.StringIO(newline="")
    names = [one.name for one in fields(PlacedTask)]
    writer = csv.writer(out)
    writer.writerow(names)
    for task in view.tasks:
        writer.writerow([_cell(getattr(task, name)) for name in names])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def to_icalendar(view: PlanView) -> str:
    """An event for each task."""
    events = (
        CalendarEvent(
            task.id, task.start, task.end, f"{task.id} ({task.pool})", task.pool, _described(task)
        )
        for task in view.tasks
    )
    return write_icalendar("Plan", view.made_at, events)


def _described(task: PlacedTask) -> str:
    words = [f"ends by {task.end_80:%Y-%m-%d %H:%M} UTC with 80 %"]
    if task.wanted is not None:
        words.append(f"wanted by {task.wanted:%Y-%m-%d %H:%M} UTC")
        words.append("promised" if task.is_promised else "not promised")
    return "\n".join(words)


def to_slurm(view: PlanView) -> str:
    """One `sbatch` a task, by start: put the job script in place of its name. Times are UTC."""
    lines = ["#!/bin/sh", "set -e", "export TZ=UTC"]
    names = {task.id: f"job_{at}" for at, task in enumerate(view.tasks)}
    for task in view.tasks:
        if task.is_running:
            continue
        words = [
            f"--job-name={_word(task.id)}",
            f"--begin={task.start:%Y-%m-%dT%H:%M:%S}",
            f"--time={slurm_time(max((task.end_80 - task.start).total_seconds(), 1))}",
            f"--partition={_word(task.pool)}",
            f"--ntasks={task.slots}",
        ]
        waits = [f"${names[one]}" for one in task.after if _is_submitted(view, one)]
        if waits:
            words.append(f'--dependency="afterok:{":".join(waits)}"')
        script = _word(f"{task.id}.sh")
        lines.append(f"{names[task.id]}=$(sbatch --parsable {' '.join(words)} -- {script})")
    return "\n".join(lines) + "\n"


def _is_submitted(view: PlanView, name: str) -> bool:
    return any(task.id == name and not task.is_running for task in view.tasks)


def _word(text: str) -> str:
    """For a shell; control characters are left out."""
    return shlex.quote("".join(char for char in text if char.isprintable()))


def slurm_time(seconds: float) -> str:
    """Rounded up to whole minutes, days-hours:minutes:seconds.

    >>> slurm_time(61), slurm_time(90_000)
    ('0-00:02:00', '1-01:00:00')
    """
    minutes = max(ceil(seconds / 60), 1)
    return f"{minutes // 1440}-{minutes // 60 % 24:02}:{minutes % 60:02}:00"


FORMATS: Mapping[str, Callable[[PlanView], str]] = {
    "csv": to_csv,
    "ics": to_icalendar,
    "json": to_json,
    "sh": to_slurm,
}
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "ics": "text/calendar",
    "json": "application/json",
    "sh": "text/x-shellscript",
}
