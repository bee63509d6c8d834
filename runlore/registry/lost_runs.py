"""Runs whose process was killed: nobody else would ever say that they have ended."""

import os
from typing import TYPE_CHECKING

from runlore.kernel.instants import from_us
from runlore.registry import processes
from runlore.registry.names import run_name
from runlore.registry.session import Session

if TYPE_CHECKING:
    from mlflow.entities import Run

HOST = "runlore.host"
PROCESS = "runlore.process"
SPEC = "runlore.spec"


def marks() -> dict[str, str]:
    """Tags that tell which process writes a run."""
    return {HOST: processes.host(), PROCESS: processes.mark(os.getpid()) or ""}


def unmark(session: Session, run: str) -> None:
    """Take the tags away, which mean nothing when the run has ended; somebody may have done so."""
    from mlflow.exceptions import MlflowException

    for tag in (HOST, PROCESS):
        try:
            session.client.delete_tag(run, tag)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise


def close(session: Session, experiment: str) -> list[str]:
    """Mark what this machine's dead processes left running; the ids of those runs."""
    running = session.client.search_runs([experiment], "attributes.status = 'RUNNING'")
    lost = [run for run in running if _is_lost(run)]
    for run in lost:
        _give_up_models(session, experiment, run.info.run_id)
        session.client.set_terminated(run.info.run_id, "KILLED")
        started_at = from_us(run.info.start_time * 1000)
        name = run_name("interrupted", run.data.tags.get(SPEC, ""), started_at)
        session.client.update_run(run.info.run_id, name=name)
    return [run.info.run_id for run in lost]


def _is_lost(run: "Run") -> bool:
    tags = run.data.tags
    if tags.get(HOST) != processes.host() or PROCESS not in tags:
        return False
    return not processes.is_alive(tags[PROCESS])


def _give_up_models(session: Session, experiment: str, run: str) -> None:
    for model in session.client.search_logged_models([experiment], f"source_run_id = '{run}'"):
        if str(model.status) == "PENDING":
            session.client.finalize_logged_model(model.model_id, "FAILED")
