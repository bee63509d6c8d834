"""`runlore marketplace search`, `show`, `stats`, `held`, `approve` and `withdraw`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.marketplace.queries.packages import PackageRow
    from runlore.marketplace.queries.search import CatalogRow

Package = Annotated[str, typer.Argument(metavar="PACKAGE", help="Its name, or its id.")]
Words = Annotated[str, typer.Argument(metavar="WORDS", help="Words to look for.")]
OfType = Annotated[str | None, typer.Option("--type", help="Only agents of this type.")]
Capability = Annotated[
    list[str] | None, typer.Option(help="What it can do; may be repeated.", show_default=False)
]
MinRating = Annotated[float | None, typer.Option(help="At least this rating, 0 to 5.")]
Free = Annotated[bool, typer.Option("--free", help="Only packages that cost nothing.")]
Sort = Annotated[str, typer.Option(help="rating, downloads, published, name or price.")]
Reason = Annotated[str, typer.Option(help="Why, in one line.")]


def search(
    words: Words = "",
    type_: OfType = None,
    capability: Capability = None,
    min_rating: MinRating = None,
    free: Free = False,
    sort: Sort = "rating",
    limit: int = 20,
    offset: int = 0,
    json: Json = False,
) -> None:
    """Search for agents.

    Example: runlore marketplace search "write posts" --type generator --sort downloads
    """
    from typing import cast

    from runlore.app import open_app
    from runlore.marketplace.actions.catalog import search_catalog
    from runlore.marketplace.queries.search import CatalogQuery, SortBy

    wanted = CatalogQuery(
        text=words,
        type=type_,
        capabilities=tuple(capability or ()),
        min_rating=min_rating,
        max_price_cents=0 if free else None,
        sort_by=cast(SortBy, sort),
        limit=limit,
        offset=offset,
    )
    with open_app() as app:
        page = search_catalog(app.store, wanted)
    if json:
        emit_json({"packages": [asdict(row) for row in page.packages], "total": page.total})
    elif page.packages:
        emit_table(f"{page.total} packages", [_line(row) for row in page.packages])
    else:
        echo("No package matches.")


def show(package: Package, json: Json = False) -> None:
    """Show a package with its permissions, its flags and its versions.

    Example: runlore marketplace show trend-analyzer
    """
    from runlore.app import open_app
    from runlore.marketplace.actions.catalog import find_package, package_id_of
    from runlore.marketplace.rules.permissions import explain_permission

    with open_app() as app:
        found = find_package(app.store, package_id_of(app.store, package))
    if json:
        manifest = found.manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
        versions = [asdict(one) for one in found.versions]
        body = {"package": asdict(found.package), "manifest": manifest, "versions": versions}
        emit_json(body)
        return
    row = found.package
    echo(f"{row.title} {row.version} ({row.name}), by {row.publisher}: {row.status}")
    echo(row.description)
    for flag in row.flags:
        echo(f"! {flag}")
    for one in row.permissions:
        echo(f"may {explain_permission(one)} [{one}]")
    emit_table("Package", [_line(row)])
    lines = [
        {"version": one.version, "published": one.published_at, "changelog": one.changelog}
        for one in found.versions
    ]
    emit_table("Versions", lines)


def stats(json: Json = False) -> None:
    """Show totals of the marketplace.

    Example: runlore marketplace stats
    """
    from runlore.app import open_app
    from runlore.marketplace.actions.catalog import read_totals

    with open_app() as app:
        totals = read_totals(app.store)
    if json:
        emit_json(asdict(totals))
        return
    mean = "none yet" if totals.mean_rating is None else f"{totals.mean_rating:.2f}"
    echo(f"{totals.packages} packages, {totals.downloads} installations on record")
    echo(f"Mean rating: {mean}")
    emit_table("Types", [{"type": one, "packages": n} for one, n in totals.types.items()])


def held(json: Json = False) -> None:
    """List packages that wait for a person, with the reasons.

    Example: runlore marketplace held
    """
    from runlore.app import open_app
    from runlore.marketplace.actions.review import held_packages

    with open_app() as app:
        rows = held_packages(app.store)
    if json:
        emit_json({"packages": [asdict(row) for row in rows]})
    elif rows:
        lines = [
            {"package": row.name, "publisher": row.publisher, "why": "; ".join(row.flags)}
            for row in rows
        ]
        emit_table(f"{len(rows)} held packages", lines)
    else:
        echo("No package waits.")


def approve(package: Package, json: Json = False) -> None:
    """Let a held package in, after you have looked at it.

    Example: runlore marketplace approve trend-analyser
    """
    from runlore.app import open_app
    from runlore.marketplace.actions.catalog import package_id_of
    from runlore.marketplace.actions.review import approve_package

    with open_app() as app:
        row = approve_package(app.store, package_id_of(app.store, package))
    _emit_status(row, json)


def withdraw(package: Package, reason: Reason, json: Json = False) -> None:
    """Take a package out. Its installed agents load it no more.

    Example: runlore marketplace withdraw bad-agent --reason "copies posts to its publisher"
    """
    from runlore.app import open_app
    from runlore.marketplace.actions.catalog import package_id_of
    from runlore.marketplace.actions.review import withdraw_package

    with open_app() as app:
        row = withdraw_package(app.store, package_id_of(app.store, package), reason)
    _emit_status(row, json)


def _emit_status(row: "PackageRow", json: bool) -> None:
    if json:
        emit_json(asdict(row))
    else:
        echo(f"{row.name} is {row.status}.")


def _line(row: "CatalogRow") -> dict[str, Any]:
    ended = row.tasks_completed + row.tasks_failed
    price = f"{row.price_cents / 100:.2f} {row.currency}" if row.price_cents else "free"
    return {
        "package": row.name,
        "version": row.version,
        "publisher": row.publisher,
        "type": row.agent_type,
        "form": row.form,
        "rating": "none yet" if row.rating is None else f"{row.rating:.2f} of {ended} tasks",
        "installs": row.downloads,
        "price": price,
        "permissions": ", ".join(row.permissions) or "none",
    }
