"""One experiment of MLflow per spec, under the spec's name."""

from pathlib import Path
from typing import TYPE_CHECKING

from runlore.registry.notes import NOTE
from runlore.registry.session import Session

if TYPE_CHECKING:
    from mlflow.entities import Experiment

KIND = {"mlflow.experimentKind": "custom_model_development"}
OLD_NOTE = "Trainings of this Runlore spec. A registered version is one of them."
NOTE_TEXT = """\
Each run is one training of the spec `{spec}`, the newest first. Open one: its description is the \
model card, with the scores, the verdict and the pictures.

The name of a run begins with what came of it:

- **promoted**: the new version is `@champion` and answers
- **challenger**: it is better than the champion, and waits for traffic or for your promotion
- **not better**: it passed its gates, but did not surely beat the champion
- **refused**: it failed a gate; nothing was registered
- **unchanged**: the same data gave the version that was there already
- **failed**, **interrupted**: the training did not end; `runlore train {spec}` begins anew
"""


def experiment_of(session: Session, spec: str) -> str:
    """The id of a spec's experiment, made when missing and brought back when deleted."""
    experiment = session.client.get_experiment_by_name(spec) or _create(session, spec)
    if experiment.lifecycle_stage == "deleted":
        session.client.restore_experiment(experiment.experiment_id)
    if experiment.tags.get(NOTE) == OLD_NOTE:
        session.client.set_experiment_tag(experiment.experiment_id, NOTE, _note(spec))
    return str(experiment.experiment_id)


def _create(session: Session, spec: str) -> "Experiment":
    """Files go where both a client without a server and the server itself find them."""
    from mlflow.exceptions import MlflowException

    folder = str(Path(session.artifacts) / spec) if session.artifacts else None
    try:
        tags = KIND | {NOTE: _note(spec)}
        session.client.create_experiment(spec, artifact_location=folder, tags=tags)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return session.client.get_experiment_by_name(spec)


def _note(spec: str) -> str:
    return NOTE_TEXT.format(spec=spec)
