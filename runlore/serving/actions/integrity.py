"""Check the registry's versions and their files against the history of aliases."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runlore.alerts.queries import anomalies
from runlore.alerts.rules.finding import of_version, spec_of
from runlore.kernel.errors import TAMPERED_ADVICE, NotFound, Tampered
from runlore.registry import alias_history
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import CHAMPION
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry, VersionRef

KIND = "tampering"


@dataclass(frozen=True)
class VersionCheck:
    """A version in use. role: `champion`, `challenger`, or `champion before`.

    witness: what vouches for its digest; versions of before the history had digests are known by
    the registry's tag alone. trouble: what is wrong with it; empty: nothing is.
    """

    spec: str
    version: str
    role: str
    witness: Literal["history", "registry"]
    trouble: str = ""


def audit(
    store: Store, registry: "Registry", specs: Sequence[str], at: datetime
) -> list[VersionCheck]:
    """Check the tag and the stored files of every version that serves or a rollback may restore.

    Opens an alert for each version that differs from what was registered; resolves the others',
    also of versions that answer no more and cannot come back.
    """
    checks = [
        _check(store, registry, spec, version, role, at)
        for spec in specs
        for version, role in _standing(store, registry, spec)
    ]
    _let_rest(store, specs, {of_version(check.spec, check.version) for check in checks}, at)
    return checks


def _let_rest(store: Store, specs: Sequence[str], standing: set[str], at: datetime) -> None:
    with store.begin() as connection:
        for anomaly in anomalies.read_open(connection, KIND):
            if spec_of(anomaly.subject) in specs and anomaly.subject not in standing:
                anomalies.resolve_anomaly(connection, KIND, anomaly.subject, at)


def inspect(registry: "Registry", spec: str, version: str) -> str:
    """What is wrong with the tag and the stored files of a version; empty: nothing is.

    No alert is opened or resolved.
    """
    try:
        _check_files(registry, registry.version(spec, version))
    except (Tampered, NotFound) as error:
        return str(error)
    return ""


def note(store: Store, error: Tampered, at: datetime) -> None:
    """Open an alert for a version whose files or tag are not those that were registered."""
    evidence = {
        "what": str(error),
        "certainty": "certain: the digests differ",
        "advice": TAMPERED_ADVICE.format(spec=error.spec),
        "expected": error.expected,
        "found": error.found,
        "where": error.where,
    }
    subject = of_version(error.spec, error.version)
    with store.begin() as connection:
        anomalies.open_anomaly(connection, KIND, subject, "critical", evidence, at)


def clear(store: Store, spec: str, version: str, at: datetime) -> None:
    """Resolve the alert of a version that is what was registered."""
    with store.begin() as connection:
        anomalies.resolve_anomaly(connection, KIND, of_version(spec, version), at)


def _standing(store: Store, registry: "Registry", spec: str) -> Iterator[tuple[str, str]]:
    """Versions with their roles, each once. A shadow is the challenger."""
    aliases = registry.aliases([spec])[spec]
    alias_of = {named.version: alias for alias, named in aliases.items()}
    changes = [one for one in alias_history.entries(store, spec) if one.alias == CHAMPION]
    before = promotion.champions(changes)[-2:-1]
    yield from ((version, alias_of[version]) for version in sorted(alias_of, key=int))
    yield from ((version, f"{CHAMPION} before") for version in before if version not in alias_of)


def _check(
    store: Store, registry: "Registry", spec: str, version: str, role: str, at: datetime
) -> VersionCheck:
    known = alias_history.digest_of(store, spec, version)
    witness: Literal["history", "registry"] = "registry" if known is None else "history"
    trouble = ""
    try:
        _check_files(registry, registry.version(spec, version))
        clear(store, spec, version, at)
    except Tampered as error:
        note(store, error, at)
        trouble = str(error)
    except NotFound as error:
        trouble = str(error)
    return VersionCheck(spec, version, role, witness, trouble)


def _check_files(registry: "Registry", ref: "VersionRef") -> None:
    registry.check_tag(ref)
    with tempfile.TemporaryDirectory(prefix="runlore-audit-") as folder:
        registry.download(ref, Path(folder))
