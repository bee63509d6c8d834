"""`runlore versions | promote | rollback | arms | audit`: choose the version that serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.app import App
    from runlore.registry import Registry
    from runlore.registry.alias_history import AliasHistoryEntry
    from runlore.serving.actions.integrity import VersionCheck
    from runlore.store.engine import Store

PATIENCE_S = 15.0
SHORT = 12

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="Name of a spec.")]
Why = Annotated[str, typer.Option("--reason", help="Reason; it is recorded.")]
At = Annotated[
    str | None,
    typer.Option("--as-of", metavar="ISO", help="Show which version served at that time."),
]


def versions(
    spec: Spec,
    as_of: At = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Maximum number of changes, newest first.")
    ] = 20,
    json: Json = False,
) -> None:
    """List the versions of a spec and their changes.

    Also shows which workers answer with them, and the reason of each change.

    Example: runlore versions failure-risk --as-of 2026-11-20T14:03:00Z
    """
    from runlore.kernel import instants
    from runlore.registry import alias_history
    from runlore.serving.actions import promotion
    from runlore.serving.queries import workers

    with _opened(spec) as (_, store, registry):
        if as_of is not None:
            serving_then = promotion.as_of(store, spec, instants.parse(as_of, "as-of"))
            changes, known, serving = list(serving_then.values()), [], []
            every = len(changes)
        else:
            promotion.reconcile(store, registry, spec)
            changes = alias_history.entries(store, spec, limit)
            every = alias_history.count(store, spec)
            known, serving = list(registry.versions(spec)), workers.alive(store)
    listing: dict[str, Any] = {
        "spec": spec,
        "versions": [
            {"version": ref.version, "aliases": list(ref.aliases), "digest": ref.digest}
            for ref in known
        ],
        "workers": [
            {"host": w.host, "pid": w.pid, "serves": w.versions.get(spec, {})} for w in serving
        ],
        "changes": [_as_json(change) for change in changes],
        "changes_in_all": every,
    }
    if json:
        emit_json(listing)
    else:
        _show(listing, changes)


def _show(listing: dict[str, Any], changes: "list[AliasHistoryEntry]") -> None:
    if listing["versions"]:
        emit_table(
            f"Versions of {listing['spec']}", [_named(version) for version in listing["versions"]]
        )
    emit_table("Changes, newest first", [_row(change) for change in changes])
    earlier = listing["changes_in_all"] - len(changes)
    if earlier:
        echo(f"{earlier} earlier changes: --limit {listing['changes_in_all']} shows them")
    for worker in listing["workers"]:
        serves = ", ".join(f"{arm} {version}" for arm, version in worker["serves"].items())
        echo(f"worker {worker['pid']} on {worker['host']} answers with {serves or 'nothing'}")


def _named(version: dict[str, Any]) -> dict[str, object]:
    return {
        "version": version["version"],
        "alias": ", ".join(f"@{alias}" for alias in version["aliases"]),
        "digest": version["digest"][:SHORT],
    }


def promote(
    spec: Spec,
    reason: Why,
    version: Annotated[
        str | None, typer.Option(help="A registered version.  [default: the challenger]")
    ] = None,
    json: Json = False,
) -> None:
    """Promote a version to champion.

    When the command returns, all workers answer with it. A version is refused if it cannot be
    loaded, or if its answers differ from those at training.

    Example: runlore promote failure-risk --reason "better on October"
    """
    from runlore.serving.actions import promotion

    with _opened(spec) as (app, store, registry):
        why = promotion.ChangeReason(getuser(), reason)
        folder = app.settings.home / "serving" if _is_served(app, spec) else None
        entry = promotion.promote(store, registry, spec, why, version, folder)
        _show_change(app, entry, json=json)


def rollback(spec: Spec, reason: Why, json: Json = False) -> None:
    """Undo a promotion: the previous champion answers again.

    Example: runlore rollback failure-risk --reason "too many false alarms"
    """
    from runlore.serving.actions import promotion

    with _opened(spec) as (app, store, registry):
        why = promotion.ChangeReason(getuser(), reason)
        _show_change(app, promotion.rollback(store, registry, spec, why), json=json)


def arms(
    spec: Spec,
    reason: Why,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of units for the challenger.")
    ] = 0.0,
    unit: Annotated[
        Literal["actor", "kind", "scope", "execution"],
        typer.Option(help="Unit of assignment; a unit always gets the same arm."),
    ] = "actor",
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="Repeat the champion's predictions for the ledger only."),
    ] = False,
    json: Json = False,
) -> None:
    """Set the challenger's share of traffic, or let it shadow.

    Example: runlore arms failure-risk --share 0.1 --unit actor --reason "first trial"
    """
    from runlore.serving.actions import promotion

    with _opened(spec) as (_, store, registry):
        why = promotion.ChangeReason(getuser(), reason)
        split = promotion.Arms(share, unit, shadow)
        entry = promotion.set_arms(store, registry, spec, split, why)
    if json:
        emit_json(_as_json(entry))
        return
    shadowing = ", and shadows the champion" if shadow else ""
    echo(f"{spec}: @challenger answers {share:.0%} of every {unit}{shadowing}")


def audit(json: Json = False) -> None:
    """Verify the version history and the model files.

    The hash chain of the history must be intact. Digests and files of the champion, the challenger
    and the previous champion must match it. The exit code is 1 if anything differs.

    Example: runlore audit
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.registry import alias_history
    from runlore.serving.actions import integrity, promotion

    with open_app() as app:
        wrong = promotion.audit(app.store)
        rows = alias_history.count(app.store)
        names = [spec.name for spec in app.specs] + [spec.name for spec in app.series_specs]
        checked = integrity.audit(app.store, app.registry, names, instants.now())
    if json:
        emit_json({"rows": rows, "wrong": wrong, "versions": [vars(check) for check in checked]})
    else:
        _show_audit(rows, wrong, checked)
    if wrong or any(check.trouble for check in checked):
        raise typer.Exit(1)


def _show_audit(rows: int, wrong: list[str], checked: "list[VersionCheck]") -> None:
    for line in (*wrong, *(check.trouble for check in checked if check.trouble)):
        echo(line)
    troubled = sum(bool(check.trouble) for check in checked)
    echo(f"{rows} changes on record, {len(wrong)} altered")
    echo(f"{len(checked)} versions in use, {troubled} differ from what was registered")
    alone = [f"{check.spec} {check.version}" for check in checked if check.witness == "registry"]
    if alone:
        echo(f"verified only by the registry's own tag: {', '.join(alone)}")


@contextmanager
def _opened(spec: str) -> "Iterator[tuple[App, Store, Registry]]":
    from runlore.app import open_app

    with open_app() as app:
        app.spec_named(spec)
        yield app, app.store, app.registry


def _is_served(app: "App", spec: str) -> bool:
    """Whether workers answer with it: nobody serves the forecasters of a series spec."""
    return spec not in {one.name for one in app.series_specs}


def _show_change(app: "App", entry: "AliasHistoryEntry", *, json: bool) -> None:
    from runlore.serving.actions import promotion

    version = entry.version or ""
    done = every = 0
    if _is_served(app, entry.spec):
        done, every = promotion.await_workers(app.store, entry.spec, version, PATIENCE_S)
    if json:
        emit_json({**_as_json(entry), "workers": every, "workers_done": done})
    else:
        before = f" instead of {entry.previous}" if entry.previous else ""
        echo(f"{entry.spec}: version {version} is @champion{before}")
        if _is_served(app, entry.spec):
            echo(f"{done} of {every} workers answer with it" if every else "no worker is running")
    if done < every:
        raise typer.Exit(1)


def _as_json(entry: "AliasHistoryEntry") -> dict[str, Any]:
    return {**vars(entry), "at": entry.at.isoformat(), "evidence": dict(entry.evidence)}


def _row(entry: "AliasHistoryEntry") -> dict[str, object]:
    to = "none" if entry.version is None else entry.version
    if entry.action == "arms":
        share = f"{entry.evidence['share']:.0%} of every {entry.evidence['unit']}"
        to = f"{to} for {share}" + (", shadow" if entry.evidence["shadow"] else "")
    return {
        "at": f"{entry.at:%Y-%m-%d %H:%M:%S}",
        "change": f"{entry.action} @{entry.alias}".removesuffix(" @"),
        "version": to,
        "by": entry.actor,
        "reason": entry.reason,
    }
