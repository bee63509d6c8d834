"""Take a version out of the registry for good: its aliases, its files and those of its run."""

from typing import TYPE_CHECKING

from runlore.registry.session import Session
from runlore.registry.versions import VersionRef, aliases_of, versions_of

if TYPE_CHECKING:
    from mlflow.entities import Run


def retire(session: Session, spec: str, version: str) -> tuple[str, ...]:
    """Delete a version with its files and its run; returns the aliases that pointed to it.

    Whatever cuts it off, the next call deletes what is left.
    """
    refs = [ref for ref in versions_of(session, spec) if ref.version == version]
    named = tuple(a for a, at in aliases_of(session, spec).items() if at == version)
    with session.watched():
        for alias in named:
            session.client.delete_registered_model_alias(spec, alias)
        for ref in refs:
            _delete_model(session, ref)
            delete_run(session, ref.run_id)
            session.client.delete_model_version(spec, version)
    return named


def delete_run(session: Session, run_id: str) -> bool:
    """Delete the files of a run and mark it as deleted; False: there is none."""
    run = _run(session, run_id)
    if run is None:
        return False
    _delete_files(session, run.info.artifact_uri)
    if run.info.lifecycle_stage == "active":
        session.client.delete_run(run_id)
    return True


def _delete_model(session: Session, ref: VersionRef) -> None:
    version = session.client.get_model_version(ref.spec, ref.version)
    model_id = getattr(version, "model_id", None)
    source = ref.source
    if model_id:
        source = session.client.get_logged_model(model_id).artifact_location
    _delete_files(session, source)
    if model_id:
        session.client.delete_logged_model(model_id)


def _delete_files(session: Session, uri: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(uri, tracking_uri=session.uri, registry_uri=session.uri)
    repository.delete_artifacts(None)


def _run(session: Session, run_id: str) -> "Run | None":
    from mlflow.exceptions import MlflowException

    try:
        return session.client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def registered(session: Session) -> tuple[str, ...]:
    names, token = [], None
    while True:
        page = session.client.search_registered_models(page_token=token)
        names += [model.name for model in page]
        token = page.token
        if not token:
            return tuple(names)
