"""The decision on a challenger that gets no traffic: asked for when it is named, then settled."""

from runlore.alerts.actions import decisions
from runlore.alerts.rules.decision import DecisionRequest
from runlore.alerts.rules.finding import of_version
from runlore.registry import alias_history
from runlore.registry.alias_history import AliasHistoryEntry, HistoryWriter
from runlore.store.engine import Store


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


def ask_if_nobody_did(store: Store, spec: str) -> None:
    """Ask about a challenger without traffic that was named before Runlore asked by itself."""
    with alias_history.writing(store) as history:
        entry = history.last(spec, "challenger")
        if entry is None or entry.version is None:
            return
        subject = of_version(spec, entry.version)
        is_open = {pending.subject for pending in decisions.pending(history.connection, (spec,))}
        if subject not in is_open:
            ask(history, entry)


def settle(history: HistoryWriter, entry: AliasHistoryEntry) -> None:
    """Settle what a change of the challenger decides: it has traffic now, or is the challenger
    no more."""
    is_decided = entry.action == "arms" and bool(entry.evidence["share"])
    kept = None if is_decided else of_version(entry.spec, str(entry.version))
    for pending in decisions.pending(history.connection, (entry.spec,)):
        is_of_version = pending.subject != entry.spec
        if is_of_version and pending.subject != kept:
            decisions.settle(history.connection, pending.subject, entry.at, entry.actor)
