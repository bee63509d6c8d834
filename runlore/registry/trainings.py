"""What registered versions were trained on, as their runs have it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from runlore.kernel.instants import from_us
from runlore.registry.session import Session
from runlore.registry.versions import versions_of

if TYPE_CHECKING:
    from mlflow.entities import Run

UNTIL_SEQ = "until_seq"


@dataclass(frozen=True)
class VersionTraining:
    """The training of a version. until_seq: the last fact that it saw."""

    spec: str
    version: str
    aliases: tuple[str, ...]
    until_seq: int
    started_at: datetime

    def saw(self, first_seq: int, until: datetime) -> bool:
        """Whether facts from a number on, which were there until an instant, were in its log."""
        return self.until_seq >= first_seq and self.started_at < until


def trainings_of(session: Session, spec: str) -> tuple[VersionTraining, ...]:
    """The trainings of a spec's versions, newest first; runs that were deleted are left out."""
    versions = versions_of(session, spec)
    runs = _runs(session, spec) if versions else {}
    return tuple(
        VersionTraining(
            spec,
            ref.version,
            ref.aliases,
            int(runs[ref.run_id].data.params[UNTIL_SEQ]),
            from_us(runs[ref.run_id].info.start_time * 1000),
        )
        for ref in versions
        if ref.run_id in runs
    )


def _runs(session: Session, spec: str) -> "dict[str, Run]":
    experiment = session.client.get_experiment_by_name(spec)
    runs: dict[str, Run] = {}
    token = None
    while experiment is not None:
        page = session.client.search_runs([experiment.experiment_id], page_token=token)
        runs |= {run.info.run_id: run for run in page if UNTIL_SEQ in run.data.params}
        token = page.token
        if not token:
            break
    return runs
