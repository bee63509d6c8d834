"""Airflow's tasks as Runlore knows them, and how its answers are used. It needs no Airflow.

Ids, names and inputs are those of `runlore ingest airflow`, so that a model which was trained on
the table `task_instance` knows what it is asked about.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runlore_gate import OnRisk
from runlore_http import PlannedWork, Value

LONGEST_ID_BYTES = 500
RUN_TYPES = re.compile(r"(scheduled|manual|backfill|dataset_triggered|asset_triggered)__")
LEAST_TIMEOUT_S = 60.0  # A shorter one saves nothing, and a slow worker breaks it.
WEIGHTS = {"downstream": False, "upstream": True}


@dataclass(frozen=True)
class TaskPolicy:
    """How answers are used. timeout_level: the share of runs within a timeout; 0: set none."""

    max_risk: float = 0.5
    on_risk: OnRisk = "log"
    timeout_level: float = 0.0
    reports: bool = True


def policy_of(environment: Mapping[str, str]) -> TaskPolicy:
    """The policy of RUNLORE_MAX_RISK, RUNLORE_ON_RISK, RUNLORE_TIMEOUT_QUANTILE, RUNLORE_REPORT.

    Raises ValueError for a value that is none.
    """
    on_risk = environment.get("RUNLORE_ON_RISK") or "log"
    if on_risk not in ("log", "skip", "fail"):
        raise ValueError(f"RUNLORE_ON_RISK {on_risk!r} is none of log, skip and fail")
    return TaskPolicy(
        _share(environment, "RUNLORE_MAX_RISK", 0.5),
        on_risk,  # type: ignore[arg-type]
        _share(environment, "RUNLORE_TIMEOUT_QUANTILE", 0.0),
        (environment.get("RUNLORE_REPORT") or "yes").lower() not in ("no", "false", "0"),
    )


def timeout_of(duration_s: float) -> timedelta:
    return timedelta(seconds=max(duration_s, LEAST_TIMEOUT_S))


def is_watched(task: Any) -> bool:  # noqa: ANN401  (an operator of any version of Airflow)
    """A sensor that is rescheduled starts many times within one try: it is left alone."""
    return task is not None and not getattr(task, "reschedule", False)


def execution_id(instance: Any) -> str:  # noqa: ANN401
    """DAG, run, task, map index and try; a name that is too long ends in its digest."""
    index = -1 if instance.map_index is None else instance.map_index
    parts = (instance.dag_id, instance.run_id, instance.task_id, index, instance.try_number)
    name = "/".join(str(part).strip() for part in parts)
    if len(name.encode()) <= LONGEST_ID_BYTES:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return name.encode()[: LONGEST_ID_BYTES - 40].decode("utf-8", "ignore") + "/" + digest


def work_of(instance: Any) -> PlannedWork:  # noqa: ANN401
    """A task instance before it runs. It needs `task`, the operator."""
    task = instance.task
    index = instance.map_index
    run_type = RUN_TYPES.match(instance.run_id)
    inputs: dict[str, Value | None] = {
        "operator": task.task_type,
        "queue": getattr(instance, "queue", None) or task.queue,
        "executor": getattr(task, "executor", None),
        "priority_weight": _priority_weight(instance),
        "pool_slots": task.pool_slots,
        "max_tries": getattr(instance, "max_tries", None),
        "try_number": instance.try_number,
        "map_index": index if index is not None and index >= 0 else None,
        "run_type": run_type[1] if run_type else None,
    }
    return PlannedWork(
        actor=instance.dag_id,
        kind=f"{instance.dag_id}.{instance.task_id}",
        scope=task.pool or "",
        inputs={name: value for name, value in inputs.items() if value is not None},
        execution=execution_id(instance),
    )


def submission_of(instance: Any) -> dict[str, object]:  # noqa: ANN401
    """When it was queued, where a worker knows that: in Airflow 2. Else when it started.

    `airflow dags test` of Airflow 2 sets neither: then it is now, by the service's clock.
    """
    started = instance.start_date
    queued = getattr(instance, "queued_dttm", None) or started
    if started is None:
        return {"status": "running"}
    return {
        "submitted": min(queued, started).isoformat(),
        "started": started.isoformat(),
        "status": "running",
    }


def outcome_of(instance: Any, now: datetime) -> dict[str, object]:  # noqa: ANN401
    """When it ended, and what it took. now: taken where Airflow has not set the end yet."""
    finished = getattr(instance, "end_date", None) or now
    fields: dict[str, object] = {"finished": finished.isoformat()}
    measured: dict[str, Value] = {}
    if getattr(instance, "hostname", None):
        measured["host"] = instance.hostname
    started, task = getattr(instance, "start_date", None), getattr(instance, "task", None)
    if started is not None:
        fields["started"] = started.isoformat()
        slots = getattr(task, "pool_slots", None) or 1
        measured["slot_s"] = round((finished - started).total_seconds() * slots, 6)
    return fields | {"outcome": measured}


def is_resumed(instance: Any) -> bool:  # noqa: ANN401
    """It goes on after it was deferred: it was asked about and reported when it started."""
    context = getattr(instance, "_ti_context_from_server", None)
    return bool(getattr(instance, "next_method", None) or getattr(context, "next_method", None))


def _priority_weight(instance: Any) -> int | None:  # noqa: ANN401
    """The effective weight, as the scheduler computes it for the usual rules."""
    known = getattr(instance, "priority_weight", None)
    task = instance.task
    rule = str(getattr(task.weight_rule, "value", task.weight_rule))
    if known is not None or rule == "absolute":
        return int(task.priority_weight if known is None else known)
    if rule not in WEIGHTS:
        return None
    relatives = task.get_flat_relatives(upstream=WEIGHTS[rule])
    return int(task.priority_weight + sum(other.priority_weight for other in relatives))


def _share(environment: Mapping[str, str], name: str, otherwise: float) -> float:
    text = environment.get(name)
    if not text:
        return otherwise
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{name} {text!r} is no number from 0 to 1")
    return share
