"""What registered versions were trained on, as their runs have it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from runlore.kernel.instants import from_us
from runlore.registry.session import Session
from runlore.registry.versions import versions_of

if TYPE_CHECKING:
    from mlflow.entities import Run

UNTIL_SEQ = "until_seq"
SOURCES = "sources"
BETWEEN = "\n"  # no source has a line break in its name; a comma it may have


@dataclass(frozen=True)
class VersionTraining:
    """The training of a version. until_seq: the last fact that it saw.

    sources: those that it was restricted to; None: all.
    """

    spec: str
    version: str
    aliases: tuple[str, ...]
    until_seq: int
    started_at: datetime
    sources: tuple[str, ...] | None = None

    def saw(self, source: str, first_seq: int, until: datetime) -> bool:
        """Whether facts of a source, numbered from `first_seq` on and there until an instant,
        were among what it was trained on."""
        may_see = self.sources is None or source in self.sources
        return may_see and self.until_seq >= first_seq and self.started_at < until


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
            _sources(runs[ref.run_id].data.params),
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


def _sources(params: Mapping[str, str]) -> tuple[str, ...] | None:
    return tuple(params[SOURCES].split(BETWEEN)) if SOURCES in params else None
