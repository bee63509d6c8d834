"""`runlore privacy retention`."""

from typing import Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would go; change nothing.")]
History = Annotated[bool, typer.Option("--history", help="List what was deleted before.")]
MOST = 1_000


def retention(dry_run: DryRun = False, history: History = False, json: Json = False) -> None:
    """Delete what has expired of the sources in RUNLORE_PERSONAL_SOURCES.

    The deployment expire-personal-data does this each day. No other source is touched.

    Example: runlore privacy retention --dry-run
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.privacy.actions.retention import expire
    from runlore.privacy.queries.expired_data import list_expired

    with open_app() as app:
        sources, days = app.settings.personal_sources, app.settings.personal_days
        if history:
            with app.store.connect() as connection:
                expired = tuple(list_expired(connection, MOST))
        else:
            expired = expire(app.store, sources, days, instants.now(), dry_run=dry_run)
    if json:
        listed = [vars(one) for one in expired]
        emit_json({"sources": sources, "days": days, "is_dry_run": dry_run, "expired": listed})
        return
    if not sources and not history:
        echo("No source is declared personal: set RUNLORE_PERSONAL_SOURCES. Nothing expires.")
    elif not expired:
        echo(f"Nothing is older than {days} days." if not history else "Nothing has expired.")
    else:
        emit_table("would expire" if dry_run else "expired", [vars(one) for one in expired])
