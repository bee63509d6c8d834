"""Which version serves: every change in one transaction with who, why and on what evidence.

The alias in the registry is the truth; its history is written in the transaction that moves it.
An alias that somebody moved elsewhere, or a process that was killed between the two, is found
and written down before the next change.
"""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.registry import alias_history
from runlore.registry.alias_history import FIRST, NO_ALIAS, AliasHistoryEntry, Change, HistoryWriter
from runlore.serving.actions import waiting_challenger
from runlore.serving.queries import workers
from runlore.store.engine import Store

if TYPE_CHECKING:
    from pathlib import Path

    from runlore.registry import Registry, VersionRef

CHAMPION, CHALLENGER = "champion", "challenger"
ALIASES = (CHAMPION, CHALLENGER)
ELSEWHERE = "outside Runlore"
UNITS = ("actor", "kind", "scope", "execution")
POLL_S = 0.02

Unit = Literal["actor", "kind", "scope", "execution"]


@dataclass(frozen=True)
class ChangeReason:
    """Who changes the serving version, and why."""

    actor: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Arms:
    """How much the challenger answers: `share` of the units, by a stable hash of `unit`.

    shadow: it also answers everything that the champion does, for nobody but the ledger.
    """

    share: float = 0.0
    unit: Unit = "actor"
    shadow: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise BadInput(f"share: {self.share} is not between 0 and 1", "share")
        if self.unit not in UNITS:
            raise BadInput(f"unit: {self.unit!r} is none of {', '.join(UNITS)}", "unit")

    def as_json(self) -> dict[str, Any]:
        return {"share": self.share, "unit": self.unit, "shadow": self.shadow}


def announce(
    store: Store,
    registry: "Registry",
    ref: "VersionRef",
    why: ChangeReason,
    *,
    starts_by_itself: bool = False,
) -> tuple[str, ...]:
    """A new version takes its place: champion when there is none, else challenger.

    Returns its aliases. A challenger waits for a person, which an alert says, unless its rollout
    starts by itself.
    """
    with alias_history.writing(store) as history:
        catch_up(history, registry, ref.spec)
        change = registry.announce(ref)
        if change is not None:
            of_ref = _change(ref.spec, change.alias, ref.version, "announce", why, ref)
            entry = add(history, of_ref)
            if entry.alias == CHALLENGER and not starts_by_itself:
                waiting_challenger.ask(history, entry)
    return registry.version(ref.spec, ref.version).aliases


def record_registered(store: Store, ref: "VersionRef", why: ChangeReason) -> None:
    """Record the digest of a new version that gets no alias, unless it is recorded already."""
    with alias_history.writing(store) as history:
        if alias_history.digest_of(store, ref.spec, ref.version) != ref.digest:
            history.add(_change(ref.spec, NO_ALIAS, ref.version, "register", why, ref))


def promote(
    store: Store,
    registry: "Registry",
    spec: str,
    why: ChangeReason,
    version: str | None = None,
    folder: "Path | None" = None,
) -> AliasHistoryEntry:
    """Make a version the champion, the challenger unless another is named.

    folder: where versions are fetched to; one that cannot be loaded, or that answers otherwise
    than when it was trained, is Refused, and so is one that is the champion already.
    """
    tried = None if folder is None else _try_out_early(registry, spec, version, folder)
    with alias_history.writing(store) as history:
        return promote_within(history, registry, spec, why, version, folder, tried)


def promote_within(
    history: HistoryWriter,
    registry: "Registry",
    spec: str,
    why: ChangeReason,
    version: str | None = None,
    folder: "Path | None" = None,
    tried: str | None = None,
) -> AliasHistoryEntry:
    """Like `promote`, inside a transaction that records more.

    tried: the version that was tried out before the transaction, which others wait for.
    """
    aliases = catch_up(history, registry, spec)
    promoted = version or aliases.get(CHALLENGER)
    if promoted is None:
        raise Refused(f"{spec}: there is no @challenger; name a version to promote")
    if promoted == aliases.get(CHAMPION):
        raise Refused(f"{spec}: version {promoted} is the champion already")
    ref = registry.version(spec, promoted)
    registry.check_tag(ref)
    if folder is not None and promoted != tried:
        _try_out(registry, ref, folder)
    entry = history.add(_change(spec, CHAMPION, promoted, "promote", why, ref))
    if aliases.get(CHALLENGER) == promoted:
        add(history, _change(spec, CHALLENGER, None, "promote", why, ref))
    registry.set_alias(spec, CHAMPION, promoted)
    if aliases.get(CHALLENGER) == promoted:
        registry.remove_alias(spec, CHALLENGER)
    return entry


def rollback(store: Store, registry: "Registry", spec: str, why: ChangeReason) -> AliasHistoryEntry:
    """Make the previous champion the champion again.

    Rolling back again goes further back; versions that the registry has lost are passed over.
    Refused when there is nothing before. Raises Tampered when the registry names another bundle
    for that version than the history: `promote` takes any other version.
    """
    with alias_history.writing(store) as history:
        catch_up(history, registry, spec)
        ref = _before(registry, spec, champions(history.history(spec, CHAMPION)))
        entry = history.add(_change(spec, CHAMPION, ref.version, "rollback", why, ref))
        registry.set_alias(spec, CHAMPION, ref.version)
    return entry


def _before(registry: "Registry", spec: str, past: Sequence[str]) -> "VersionRef":
    for version in reversed(past[:-1]):
        with contextlib.suppress(NotFound):
            ref = registry.version(spec, version)
            registry.check_tag(ref)
            return ref
    gone = f" but {', '.join(past[:-1])}, which the registry has lost" if past[:-1] else ""
    raise Refused(f"{spec}: no version was champion before{gone}; nothing to roll back to")


def set_arms(
    store: Store, registry: "Registry", spec: str, arms: Arms, why: ChangeReason
) -> AliasHistoryEntry:
    """Set the share of traffic that the challenger answers."""
    with alias_history.writing(store) as history:
        catch_up(history, registry, spec)
        return set_arms_within(history, spec, arms, why)


def set_arms_within(
    history: HistoryWriter, spec: str, arms: Arms, why: ChangeReason
) -> AliasHistoryEntry:
    """Like `set_arms`, inside a transaction that records more.

    Asks no registry, so that traffic can be taken away when that is gone: the challenger is the
    one that the history knows.
    """
    known = history.last(spec, CHALLENGER)
    version = known.version if known else None
    if version is None and (arms.share or arms.shadow):
        raise Refused(f"{spec}: there is no @challenger to give a share to")
    reason = ChangeReason(why.actor, why.reason, {**why.evidence, **arms.as_json()})
    return add(history, _change(spec, CHALLENGER, version, "arms", reason))


@dataclass(frozen=True)
class ServingState:
    """newest: alias -> spec -> its newest change. arms: spec -> how much its challenger answers."""

    newest: Mapping[str, Mapping[str, AliasHistoryEntry]]
    arms: Mapping[str, Arms]


def standing(store: Store) -> ServingState:
    """Read the current state from the history, in one statement."""
    newest: dict[str, dict[str, AliasHistoryEntry]] = {alias: {} for alias in ALIASES}
    latest: dict[str, AliasHistoryEntry] = {}
    for entry in alias_history.standing(store):
        if entry.alias not in ALIASES:
            continue
        newest[entry.alias][entry.spec] = entry
        if entry.action == "arms":
            latest[entry.spec] = entry
    now = newest[CHALLENGER]
    arms = {
        spec: Arms(**{name: entry.evidence[name] for name in ("share", "unit", "shadow")})
        for spec, entry in latest.items()
        if entry.version is not None and now[spec].version == entry.version
    }
    return ServingState(newest, arms)


def arms(store: Store) -> Mapping[str, Arms]:
    """Map each spec to its challenger's share of traffic; a challenger begins without one."""
    return standing(store).arms


def champions(changes: Sequence[AliasHistoryEntry]) -> list[str]:
    """The versions that a rollback would pass through, the champion of today last."""
    past: list[str] = []
    for change in changes:
        if change.action == "rollback" and change.version in past[:-1]:
            while past[-1] != change.version:
                past.pop()
        elif change.version is not None and change.version != (past[-1] if past else None):
            past.append(change.version)
    return past


def reconcile(store: Store, registry: "Registry", spec: str) -> None:
    """Record where aliases point when somebody else has moved them."""
    with alias_history.writing(store) as history:
        catch_up(history, registry, spec)


def await_workers(store: Store, spec: str, version: str, patience_s: float) -> tuple[int, int]:
    """Wait until every worker that is alive answers with the version: (how many do, of all)."""
    until = time.monotonic() + patience_s
    while True:
        every = workers.alive(store)
        done = sum(worker.versions.get(spec, {}).get(CHAMPION) == version for worker in every)
        if done == len(every) or time.monotonic() > until:
            return done, len(every)
        time.sleep(POLL_S)


def audit(store: Store) -> list[str]:
    """List what is wrong with the history; the list is empty when every row is unchanged."""
    wrong, before, last = [], FIRST, 0
    for entry in alias_history.entries(store):
        if entry.id != last + 1:
            wrong.append(f"row {last + 1}: missing before row {entry.id}")
        if entry.hash != entry.hashed(before):
            wrong.append(
                f"row {entry.id} ({entry.at.isoformat()}, {entry.spec} @{entry.alias}):"
                " its content is not what was written, or the row before it is not"
            )
        before, last = entry.hash, entry.id
    return wrong


def as_of(store: Store, spec: str, at: datetime) -> dict[str, AliasHistoryEntry]:
    """Alias -> the change that says where it pointed at that instant, and why."""
    aliases = alias_history.as_of(store, spec, at)
    if not aliases:
        raise NotFound(f"{spec}: nothing is on record at {at.isoformat()}")
    return aliases


def _aliases(registry: "Registry", spec: str) -> dict[str, str]:
    return {alias: named.version for alias, named in registry.aliases([spec])[spec].items()}


def catch_up(history: HistoryWriter, registry: "Registry", spec: str) -> dict[str, str]:
    """Record where aliases point; returns alias -> version."""
    aliases = registry.aliases([spec])[spec]
    for alias in ALIASES:
        known, actual = history.last(spec, alias), aliases.get(alias)
        version = actual.version if actual else None
        if version != (known.version if known else None):
            digest = {alias_history.DIGEST: actual.digest} if actual else {}
            why = ChangeReason(ELSEWHERE, "the alias was found to point elsewhere", digest)
            add(history, _change(spec, alias, version, "found", why))
    return {alias: named.version for alias, named in aliases.items()}


def add(history: HistoryWriter, change: Change) -> AliasHistoryEntry:
    """Write a change down; one of the challenger settles the decisions that waited on it."""
    entry = history.add(change)
    if entry.alias == CHALLENGER:
        waiting_challenger.settle(history, entry)
    return entry


def _try_out_early(
    registry: "Registry", spec: str, version: str | None, folder: "Path"
) -> str | None:
    """Try out what would be promoted by now; the version, None when nothing would."""
    aliases = _aliases(registry, spec)
    promoted = version or aliases.get(CHALLENGER)
    if promoted is None or promoted == aliases.get(CHAMPION):
        return None
    _try_out(registry, registry.version(spec, promoted), folder)
    return promoted


def _try_out(registry: "Registry", ref: "VersionRef", folder: "Path") -> None:
    registry.load(ref, folder).check_probe()


def _change(
    spec: str,
    alias: str,
    version: str | None,
    action: alias_history.Action,
    why: ChangeReason,
    ref: "VersionRef | None" = None,
) -> Change:
    of_ref = {} if ref is None else {alias_history.DIGEST: ref.digest, "run": ref.run_id}
    return Change(spec, alias, version, action, why.actor, why.reason, {**why.evidence, **of_ref})
