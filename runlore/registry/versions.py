"""Registered versions and the aliases that say which of them serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from runlore.registry.session import Session

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

DIGEST = "runlore.digest"


@dataclass(frozen=True)
class VersionRef:
    """A registered version. source: where its files are. digest: of its bundle."""

    spec: str
    version: str
    run_id: str
    source: str
    aliases: tuple[str, ...]
    digest: str


class DigestedVersion(NamedTuple):
    """A version's number and the digest of its bundle: numbers can be given again."""

    version: str
    digest: str


@dataclass(frozen=True)
class AliasChange:
    """An alias that points to another version now; previous: None when it pointed nowhere."""

    spec: str
    alias: str
    version: str
    previous: str | None


def behind(session: Session, spec: str, alias: str) -> VersionRef | None:
    """The version behind an alias: one request; a second only when there seems to be none.

    MLflow says the same of an alias that is missing as of any value that it does not take.
    """
    from mlflow.exceptions import MlflowException

    try:
        return ref_of(session.client.get_model_version_by_alias(spec, alias))
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
    version = aliases_of(session, spec).get(alias)
    return numbered(session, spec, version) if version else None


def numbered(session: Session, spec: str, version: str) -> VersionRef:
    return ref_of(session.client.get_model_version(spec, version))


def point(session: Session, spec: str, alias: str, version: str) -> AliasChange:
    previous = aliases_of(session, spec).get(alias)
    session.client.set_registered_model_alias(spec, alias, version)
    return AliasChange(spec, alias, version, previous)


def aliases_of(session: Session, spec: str) -> dict[str, str]:
    """Alias -> version; nothing for a spec of which nothing is registered."""
    from mlflow.exceptions import MlflowException

    try:
        model = session.client.get_registered_model(spec)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}
    return {alias: str(version) for alias, version in model.aliases.items()}


def versions_of(session: Session, spec: str, digest: str | None = None) -> tuple[VersionRef, ...]:
    """All versions of a spec, or those of one bundle, newest first."""
    query = f"name = '{spec}'" + (f" AND tags.`{DIGEST}` = '{digest}'" if digest else "")
    matches, token = [], None
    while True:
        page = session.client.search_model_versions(query, page_token=token)
        matches += page
        token = page.token
        if not token:
            break
    aliases = aliases_of(session, spec)
    refs = (ref_of(version, aliases) for version in matches)
    return tuple(sorted(refs, key=lambda ref: int(ref.version), reverse=True))


def ref_of(version: "ModelVersion", aliases: Mapping[str, str] | None = None) -> VersionRef:
    number = str(version.version)
    if aliases is None:
        named = tuple(version.aliases)
    else:
        named = tuple(alias for alias, at in aliases.items() if at == number)
    return VersionRef(
        spec=version.name,
        version=number,
        run_id=version.run_id or "",
        source=version.source,
        aliases=tuple(sorted(named)),
        digest=version.tags.get(DIGEST, ""),
    )
