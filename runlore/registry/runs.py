"""A run of training in MLflow: what a person opens to see how a model came about."""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from getpass import getuser
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from runlore.kernel.errors import Refused
from runlore.kernel.instants import from_us
from runlore.registry import code_version, lost_runs, notes, tables
from runlore.registry.experiments import experiment_of
from runlore.registry.names import run_name
from runlore.registry.session import Session

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow.entities import Run

T = TypeVar("T")
MOST_TAGS = 100
MOST_SCORES = 1000
DIGEST_LENGTH = 36
CARD, PLOTS = "model_card.md", "plots"
DPI = 110


@dataclass(frozen=True)
class TrainingData:
    """What a run learned from. first, last: the submissions that bound it."""

    name: str
    digest: str
    rows: int
    first: datetime
    last: datetime
    target: str
    features: tuple[str, ...]


class TrainingRun:
    """Writes into one run; made by `Registry.training_run`."""

    def __init__(self, session: Session, spec: str, run: "Run") -> None:
        self.spec = spec
        self.id: str = run.info.run_id
        self.experiment: str = run.info.experiment_id
        self.page = session.page(f"experiments/{self.experiment}/runs/{self.id}")
        self.started_at = from_us(run.info.start_time * 1000)
        self._session, self._client = session, session.client
        self._started_ms = run.info.start_time

    def rename(self, outcome: str, candidate: str) -> None:
        """Name the run by what came of it; also after it has ended."""
        name = run_name(outcome, self.spec, self.started_at, candidate)
        with self._session.watched():
            self._client.update_run(self.id, name=name)

    def parameters(self, values: Mapping[str, object]) -> None:
        from mlflow.entities import Param

        parameters = (Param(name, str(value)) for name, value in values.items())
        for batch in _batches(parameters, MOST_TAGS):
            self._client.log_batch(self.id, params=batch)

    def tags(self, values: Mapping[str, object]) -> None:
        from mlflow.entities import RunTag

        tags = (RunTag(name, str(value)) for name, value in values.items())
        for batch in _batches(tags, MOST_TAGS):
            self._client.log_batch(self.id, tags=batch)

    def scores(self, values: Mapping[str, float], model_id: str | None = None) -> None:
        """Write scores under names from `names.score_name`; one that is not finite is left out.

        All bear the instant of the run's start, so that the same score twice is one.
        """
        from mlflow.entities import Metric

        scores = (
            Metric(name, float(value), self._started_ms, 0, model_id=model_id, run_id=self.id)
            for name, value in values.items()
            if math.isfinite(value)
        )
        for batch in _batches(scores, MOST_SCORES):
            self._client.log_batch(self.id, metrics=batch)

    def data(self, data: TrainingData) -> None:
        """Name the data by its digest, so that MLflow does not read it."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = {"first": data.first.isoformat(), "last": data.last.isoformat()}
        columns = [{"name": name, "type": "double"} for name in (*data.features, data.target)]
        dataset = Dataset(
            name=data.name,
            digest=data.digest[:DIGEST_LENGTH],
            source_type="runlore",
            source=json.dumps(source),
            schema=json.dumps({"mlflow_colspec": columns}),
            profile=json.dumps({"num_rows": data.rows, "num_elements": data.rows * len(columns)}),
        )
        used_as = InputTag("mlflow.data.context", "training")
        self._client.log_inputs(self.id, datasets=[DatasetInput(dataset, [used_as])])

    def figure(self, name: str, figure: "Figure") -> str:
        """Keep a figure; returns its address as MLflow's own pages reach it, under any host."""
        path = f"{PLOTS}/{name}.png"
        self._client.log_figure(self.id, figure, path, save_kwargs={"dpi": DPI})
        return f"get-artifact?{urlencode({'path': path, 'run_uuid': self.id})}"

    def table(self, name: str, rows: Sequence[tables.Row], title: str = "") -> None:
        """Keep a table as JSON, which MLflow shows beside those of other runs, and as a page."""
        path = f"tables/{name}.json"
        self._client.log_dict(self.id, tables.as_split(rows), path)
        self.text(f"tables/{name}.html", tables.as_page(title or name, rows))
        logged = self._client.get_run(self.id).data.tags.get("mlflow.loggedArtifacts", "[]")
        shown = [*json.loads(logged), {"path": path, "type": "table"}]
        self.tags({"mlflow.loggedArtifacts": json.dumps(shown)})

    def card(self, markdown: str) -> None:
        """Keep the model card as a file, and as the description that MLflow renders."""
        self.text(CARD, markdown)
        self.tags(
            {notes.NOTE: notes.fitted(notes.spaced(markdown), notes.MOST_RUN, f"artifact `{CARD}`")}
        )

    def text(self, path: str, text: str) -> None:
        self._client.log_text(self.id, text, path)

    def file(self, path: Path, folder: str | None = None) -> None:
        self._client.log_artifact(self.id, str(path), folder)


@contextmanager
def training_run(session: Session, spec: str) -> Iterator[TrainingRun]:
    """Open a run and close it however the block ends; a refusal is a result, not a failure.

    Runs of the spec that a killed process of this machine left open are closed first.
    """
    with session.watched():
        experiment = experiment_of(session, spec)
        lost_runs.close(session, experiment)
        run = session.client.create_run(experiment, tags=_tags(spec))
        writer = TrainingRun(session, spec, run)
        writer.rename("training", "")
    ended, outcome = "KILLED", "interrupted"
    try:
        with session.watched():
            yield writer
        ended = "FINISHED"
    except Refused:
        ended = "FINISHED"
        raise
    except Exception:
        ended, outcome = "FAILED", "failed"
        raise
    finally:
        with session.watched():
            if ended != "FINISHED":
                writer.rename(outcome, "")
            session.client.set_terminated(run.info.run_id, ended)
            lost_runs.unmark(session, run.info.run_id)


def _tags(spec: str) -> dict[str, str]:
    tags = {
        "mlflow.source.name": f"runlore train {spec}",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": _user(),
        lost_runs.SPEC: spec,
        "runlore.code_version": code_version.code_version(),
        **lost_runs.marks(),
    }
    commit = code_version.commit()
    return tags | ({"mlflow.source.git.commit": commit} if commit else {})


def _user() -> str:
    """Containers have users without a name."""
    try:
        return getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
