"""The decision on a challenger that gets no traffic: asked for when it is named, then settled."""

from runlore.alerts.actions import decisions
from runlore.alerts.rules.decision import DecisionRequest
from runlore.alerts.rules.finding import of_version
from runlore.registry.alias_history import AliasHistoryEntry, HistoryWriter


def start_command(spec: str) -> str:
    """The command that starts a challenger's rollout."""
    return f'runlore rollout start {spec} --reason "WHY"'


def ask(history: HistoryWriter, entry: AliasHistoryEntry) -> None:
    """Ask for the rollout of a version that has become the challenger."""
    request = DecisionRequest(
        of_version(entry.spec, str(entry.version)),
        f"version {entry.version} of {entry.spec} waits as @challenger: {entry.reason}",
        start_command(entry.spec),
        {"version": entry.version},
    )
    decisions.ask(history.connection, request, entry.at)


def settle(history: HistoryWriter, entry: AliasHistoryEntry) -> None:
    """Settle what a change of the challenger decides: it has traffic now, or is the challenger
    no more."""
    is_decided = entry.action == "arms" and bool(entry.evidence["share"])
    kept = None if is_decided else of_version(entry.spec, str(entry.version))
    for pending in decisions.pending(history.connection, (entry.spec,)):
        is_of_version = pending.subject != entry.spec
        if is_of_version and pending.subject != kept:
            decisions.settle(history.connection, pending.subject, entry.at, entry.actor)
