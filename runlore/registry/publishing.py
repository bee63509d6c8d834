"""From a bundle to a registered version, in steps that may be cut off at any point.

A version comes into being in one transaction, together with the digest of its bundle. What was
cut off before that is a model that nothing refers to; the next run registers anew.
"""

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.registry import code_version, downloads, notes, packaging
from runlore.registry.packaging import ModelRelease
from runlore.registry.runs import TrainingRun
from runlore.registry.session import Session
from runlore.registry.versions import DIGEST, VersionRef, ref_of, versions_of

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

OLD_ABOUT = re.compile(r"Predicts \S+ of an execution at its submission\.")  # of older releases
WHOLE_CARD = "the run's artifact `model_card.md`"


def publish(session: Session, run: TrainingRun, release: ModelRelease) -> VersionRef:
    """Register a bundle; one that is registered already is found by its digest and given back.

    One whose files are not that bundle any more is passed over, so that training anew mends it.
    """
    known = _known(session, release)
    if known is not None:
        return known
    model = _upload(session, run, release)
    with session.lock(f"versions of {release.spec}"):
        return _known(session, release) or _register(session, run, release, model)


def _known(session: Session, release: ModelRelease) -> VersionRef | None:
    """The oldest version of a bundle that is what it was."""
    refs = reversed(versions_of(session, release.spec, release.digest))
    return next((ref for ref in refs if downloads.is_intact(session, ref, release.digest)), None)


def _upload(session: Session, run: TrainingRun, release: ModelRelease) -> "LoggedModel":
    """The model with its files, among the outputs of its run."""
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    client = session.client
    logged = client.create_logged_model(
        experiment_id=run.experiment,
        name=release.candidate,
        source_run_id=run.id,
        tags={DIGEST: release.digest},
        params={"candidate": release.candidate},
        model_type=release.spec,
    )
    card = Model(
        artifact_path=logged.artifact_location,
        run_id=run.id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
    )
    with tempfile.TemporaryDirectory(prefix="runlore-") as folder:
        written = Path(folder) / "model"
        packaging.write_model(release, written, card)
        client.log_model_artifacts(logged.model_id, str(written))
    client.log_outputs(run.id, models=[LoggedModelOutput(logged.model_id, step=0)])
    run.scores(release.scores, logged.model_id)
    return client.finalize_logged_model(logged.model_id, "READY")


def _register(
    session: Session, run: TrainingRun, release: ModelRelease, model: "LoggedModel"
) -> VersionRef:
    """Name the model by its place: a direct client cannot resolve `models:/…` without a global."""
    client = session.client
    _ensure_registered_model(session, release)
    version = client.create_model_version(
        release.spec,
        source=model.artifact_location if session.is_direct else f"models:/{model.model_id}",
        run_id=run.id,
        tags=_tags(release),
        description=notes.fitted(notes.spaced(release.card), notes.MOST_VERSION, WHOLE_CARD),
        model_id=model.model_id,
    )
    registered = [{"name": release.spec, "version": int(version.version)}]
    client.set_logged_model_tags(model.model_id, {"mlflow.modelVersions": json.dumps(registered)})
    return ref_of(version)


def _ensure_registered_model(session: Session, release: ModelRelease) -> None:
    from mlflow.exceptions import MlflowException

    client = session.client
    try:
        client.create_registered_model(release.spec, description=release.about or None)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        if OLD_ABOUT.fullmatch(client.get_registered_model(release.spec).description or ""):
            client.update_registered_model(release.spec, release.about)


def _tags(release: ModelRelease) -> dict[str, str]:
    return {
        DIGEST: release.digest,
        "runlore.candidate": release.candidate,
        "runlore.code_version": code_version.code_version(),
    }
