"""One experiment of MLflow per spec, under the spec's name."""

from pathlib import Path
from typing import TYPE_CHECKING

from runlore.registry.session import Session

if TYPE_CHECKING:
    from mlflow.entities import Experiment

TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": "Trainings of this Runlore spec. A registered version is one of them.",
}


def experiment_of(session: Session, spec: str) -> str:
    """The id of a spec's experiment, made when missing and brought back when deleted."""
    experiment = session.client.get_experiment_by_name(spec) or _create(session, spec)
    if experiment.lifecycle_stage == "deleted":
        session.client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


def _create(session: Session, spec: str) -> "Experiment":
    """Files go where both a client without a server and the server itself find them."""
    from mlflow.exceptions import MlflowException

    folder = str(Path(session.artifacts) / spec) if session.artifacts else None
    try:
        session.client.create_experiment(spec, artifact_location=folder, tags=TAGS)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return session.client.get_experiment_by_name(spec)
