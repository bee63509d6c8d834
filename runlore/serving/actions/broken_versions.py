"""Raise an alert for a champion that cannot be loaded, and resolve it when one answers again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.alerts.queries import anomalies
from runlore.alerts.rules.finding import of_version, spec_of
from runlore.kernel.errors import NotFound, Refused, Tampered
from runlore.registry import alias_history
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import CHAMPION
from runlore.serving.queries.broken_versions import KIND
from runlore.store.engine import Connection, Store

REMEDY = (
    "let the former version be the champion (`runlore rollback {spec}`), train a new one"
    " (`runlore train {spec}`), or restore the files from a backup: the service tries every 30 s"
)


@dataclass(frozen=True)
class BrokenVersion:
    """A champion that cannot be loaded.

    reason: for clients. detail: for operators, with the place of the files. former: the version
    that answers in its place; None: nothing answers.
    """

    spec: str
    version: str
    reason: str
    detail: str
    former: str | None = None

    @property
    def what(self) -> str:
        instead = (
            f"version {self.former}, the former champion, answers"
            if self.former
            else "no version answers"
        )
        return f"{of_version(self.spec, self.version)} cannot answer: {self.reason}; {instead}"


def reason_of(error: Exception) -> str:
    """What is wrong with a version, in words that any client may read."""
    if isinstance(error, Tampered):
        return (
            "its files are not those that were registered"
            if error.found
            else "its files are missing or unreadable"
        )
    if isinstance(error, NotFound):
        return "the registry does not have it"
    if isinstance(error, Refused):
        return str(error)
    return f"it cannot be loaded ({type(error).__name__})"


def report(store: Store, broken: BrokenVersion, at: datetime) -> None:
    """Open the alert of a broken champion, or count it once more; the spec's others end."""
    evidence = {
        "what": broken.what,
        "certainty": "certain: the service has tried to load it",
        "advice": REMEDY.format(spec=broken.spec),
        "version": broken.version,
        "former": broken.former,
        "detail": broken.detail,
    }
    subject = of_version(broken.spec, broken.version)
    severity = "warning" if broken.former else "critical"
    with store.begin() as connection:
        _resolve(connection, broken.spec, at, except_for=subject)
        anomalies.open_anomaly(connection, KIND, subject, severity, evidence, at)


def clear(store: Store, spec: str, at: datetime) -> None:
    """Resolve the alerts of a spec: its champion answers, or there is none."""
    with store.begin() as connection:
        _resolve(connection, spec, at)


def former_champions(store: Store, spec: str, version: str) -> Sequence[str]:
    """The versions that were champion before this one, the latest first."""
    changes = [entry for entry in alias_history.entries(store, spec) if entry.alias == CHAMPION]
    past = promotion.champions(changes)
    return [former for former in dict.fromkeys(reversed(past)) if former != version]


def _resolve(connection: Connection, spec: str, at: datetime, except_for: str = "") -> None:
    for anomaly in anomalies.read_open(connection, KIND):
        if spec_of(anomaly.subject) == spec and anomaly.subject != except_for:
            anomalies.resolve_anomaly(connection, KIND, anomaly.subject, at)
