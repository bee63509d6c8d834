"""A report as JSON for programs: each number with the route and the command that give it again."""

from collections.abc import Mapping
from typing import Any

from runlore.kernel.errors import NotFound
from runlore.reports.rules import again

Document = Mapping[str, Any]


def with_links(
    document: Document, number: int | None = None, figure: str | None = None
) -> dict[str, Any]:
    """The document, or what it says of one figure; number: of the stored report."""
    if figure is not None:
        row = find_figure(document, figure)
        whole = {name: document[name] for name in ("period", "work", "known_at", "until_seq")}
        return {"id": number, **whole, "figures": [linked(document, row)]}
    rows = [linked(document, row) for row in document["figures"]]
    return {"id": number, **document, "figures": rows}


def linked(document: Document, row: Mapping[str, Any]) -> dict[str, Any]:
    name = row["name"]
    return {
        **row,
        "route": again.route(document, name),
        "command": again.command(document, name),
    }


def find_figure(document: Document, name: str) -> Mapping[str, Any]:
    """Raises NotFound, with the names that there are."""
    rows: dict[str, Mapping[str, Any]] = {row["name"]: row for row in document["figures"]}
    if name not in rows:
        raise NotFound(f"figure {name[:80]!r}: a report has {', '.join(rows)}")
    return rows[name]
