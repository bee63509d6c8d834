"""Search the catalog. Downloads and ratings are counted from installations and ended tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString
from uuid import UUID

from psycopg.rows import class_row, dict_row

from runlore.marketplace.queries.packages import PackageStatus
from runlore.marketplace.rules.names import name_words
from runlore.store.engine import Store

SortBy = Literal["rating", "downloads", "published", "name", "price"]
# 5 x the lower end of Wilson's 95 % interval of the share of completed tasks.
WILSON: LiteralString = """
5 * (completed::float8 / ended + 1.92072941 / ended
 - 1.95996398 * sqrt(completed::float8 * failed / ended / ended / ended
  + 0.96036471 / ended / ended)) / (1 + 3.84145882 / ended)
"""
# A counter of a present agent is its own; that of an uninstalled one was recorded at the end.
OUTCOMES: LiteralString = """
WITH outcomes AS MATERIALIZED (
 SELECT i.package_id, count(*)::int AS downloads,
  (count(*) FILTER (WHERE i.uninstalled_at IS NULL))::int AS installed,
  sum(coalesce(a.tasks_completed, i.tasks_completed, 0))::bigint AS completed,
  sum(coalesce(a.tasks_failed, i.tasks_failed, 0))::bigint AS failed
 FROM runlore.marketplace_installations i
 LEFT JOIN runlore.agents a ON a.id = i.agent_id
 GROUP BY i.package_id
), scored AS (
 SELECT *, completed + failed AS ended FROM outcomes
), rated AS (
 SELECT p.id, p.name, p.publisher, p.status, p.flags, p.version, p.title, p.description,
  p.agent_type, p.capabilities, p.form, p.permissions, p.price_cents, p.currency, p.words,
  p.created_at, p.published_at, coalesce(downloads, 0) AS downloads,
  coalesce(installed, 0) AS installed, coalesce(completed, 0) AS tasks_completed,
  coalesce(failed, 0) AS tasks_failed,
"""
RATED: LiteralString = f"""
{OUTCOMES} CASE WHEN ended > 0 THEN {WILSON} END AS rating
 FROM runlore.marketplace_packages p LEFT JOIN scored ON scored.package_id = p.id
)
"""
MATCHES: LiteralString = """
FROM rated WHERE status = 'listed'
 AND (%(words)s::text IS NULL OR words @@ to_tsquery('simple', %(words)s))
 AND (%(type)s::text IS NULL OR agent_type = %(type)s)
 AND (%(publisher)s::text IS NULL OR publisher = %(publisher)s)
 AND capabilities @> %(capabilities)s::text[]
 AND (%(min_rating)s::float8 IS NULL OR rating >= %(min_rating)s)
 AND (%(max_price)s::int IS NULL OR price_cents <= %(max_price)s)
"""
FIELDS: LiteralString = """id, name, publisher, status, flags, version, title, description,
 agent_type, capabilities, form, permissions, price_cents, currency, created_at, published_at,
 downloads, installed, tasks_completed, tasks_failed, rating"""
ORDERS: dict[SortBy, LiteralString] = {
    "rating": "rating DESC NULLS LAST, downloads DESC, name",
    "downloads": "downloads DESC, name",
    "published": "published_at DESC, name",
    "name": "name",
    "price": "price_cents, name",
}
ONE: LiteralString = f"{RATED} SELECT {FIELDS} FROM rated WHERE id = %(id)s"  # noqa: S608
HELD: LiteralString = (
    f"{RATED} SELECT {FIELDS} FROM rated"  # noqa: S608
    " WHERE status = 'held' ORDER BY created_at LIMIT 100"
)
TOTALS: LiteralString = f"""
{RATED} SELECT count(*)::int AS packages, coalesce(sum(downloads), 0)::int AS downloads,
 coalesce(sum(installed), 0)::int AS installed, avg(rating)::float8 AS mean_rating,
 count(rating)::int AS rated FROM rated WHERE status = 'listed'
"""  # noqa: S608  (parts of ours)
TYPES: LiteralString = """
SELECT agent_type, count(*)::int AS packages FROM runlore.marketplace_packages
WHERE status = 'listed' GROUP BY agent_type ORDER BY agent_type
"""


@dataclass(frozen=True)
class CatalogQuery:
    """text: words, of which each begins a word of the package. max_price_cents: 0: free ones."""

    text: str = ""
    type: str | None = None
    publisher: str | None = None
    capabilities: Sequence[str] = ()
    min_rating: float | None = None
    max_price_cents: int | None = None
    sort_by: SortBy = "rating"
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True)
class CatalogRow:
    """rating: 0 to 5; None: no task of its installed agents has ended."""

    id: UUID
    name: str
    publisher: str
    status: PackageStatus
    flags: list[str]
    version: str
    title: str
    description: str
    agent_type: str
    capabilities: list[str]
    form: str
    permissions: list[str]
    price_cents: int
    currency: str
    created_at: datetime
    published_at: datetime
    downloads: int
    installed: int
    tasks_completed: int
    tasks_failed: int
    rating: float | None


def search_packages(store: Store, wanted: CatalogQuery) -> tuple[list[CatalogRow], int]:
    """A page, and how many there are in all."""
    values = {
        "words": _prefixes(wanted.text),
        "type": wanted.type,
        "publisher": wanted.publisher,
        "capabilities": list(wanted.capabilities),
        "min_rating": wanted.min_rating,
        "max_price": wanted.max_price_cents,
        "limit": wanted.limit,
        "offset": wanted.offset,
    }
    page: LiteralString = (
        f"{RATED}, page AS (SELECT {FIELDS}, (count(*) OVER ())::int AS total {MATCHES}"  # noqa: S608
        f" ORDER BY {ORDERS[wanted.sort_by]} LIMIT %(limit)s OFFSET %(offset)s) SELECT * FROM page"
    )
    with store.connect() as connection:
        rows = connection.cursor(row_factory=dict_row).execute(page, values).fetchall()
        if not rows and wanted.offset:
            count: LiteralString = f"{RATED} SELECT count(*)::int AS total {MATCHES}"
            [total] = connection.execute(count, values).fetchone() or (0,)
            return [], int(total)
    found = rows[0]["total"] if rows else 0
    return [CatalogRow(**{k: v for k, v in row.items() if k != "total"}) for row in rows], found


def read_package(store: Store, package_id: UUID) -> CatalogRow | None:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(CatalogRow))
        return cursor.execute(ONE, {"id": package_id}).fetchone()


def held_packages(store: Store) -> list[CatalogRow]:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(CatalogRow))
        return cursor.execute(HELD).fetchall()


def read_totals(store: Store) -> tuple[dict[str, Any], dict[str, int]]:
    """Totals, and the number of listed packages by type of agent."""
    with store.connect() as connection:
        totals = connection.cursor(row_factory=dict_row).execute(TOTALS).fetchone()
        types = connection.execute(TYPES).fetchall()
    return dict(totals or {}), {str(kind): int(count) for kind, count in types}


def _prefixes(text: str) -> str | None:
    """A tsquery in which each word is a beginning; words hold letters and digits alone."""
    words: set[str] = set()
    for part in text.split():
        plain = "".join(filter(str.isalnum, part)).lower()
        words.update(name_words(part) if part.isascii() else {plain} - {""})
    if not words:
        return "none & !none" if text.strip() else None
    return " & ".join(f"{word}:*" for word in sorted(words)[:20])
