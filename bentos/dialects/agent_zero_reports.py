"""`/api/v3/executive-reports` and `/api/v3/business-insights`: what happened in a period."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store, write_store
from bentos.dialects import query_parameters
from bentos.dialects.agent_zero_report_files import FORMATS, chosen_format, file_response
from bentos.http.bodies import read_body
from bentos.http.fields import Instant, Name
from bentos.http.identity import actor_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.errors import NotFound
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.reports.queries.stored_reports import StoredReport

REPORTS, INSIGHTS = "/api/v3/executive-reports", "/api/v3/business-insights"
USUAL, MOST = 20, 1000
TEXTS = ("every", "from", "to", "zone", "length", "scope", "kind", "actor", "known_at")
NUMBERS = ("until_seq", "price_per_hour", "price_per_check", "warns_at")
ASKED = {*TEXTS, *NUMBERS, "currency", "cost"}
Price = Annotated[float | None, Field(default=None, ge=0, le=1e12)]


class ReportWish(Closed):
    """A week or month that has ended (`every`), or days from `from` to `to`, both included."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "from": "2026-10-26",
                    "to": "2026-11-01",
                    "zone": "UTC",
                    "price_per_hour": 2.5,
                    "requested_by": "ann",
                }
            ]
        },
    )

    every: Literal["weekly", "monthly"] | None = None
    from_day: date | None = Field(default=None, alias="from")
    to_day: date | None = Field(default=None, alias="to")
    zone: Annotated[Name, Field(max_length=64)] = "UTC"
    scope: Name | None = None
    kind: Name | None = None
    actor: Name | None = None
    price_per_hour: Price
    price_per_check: Price
    currency: Annotated[Name, Field(max_length=12)] | None = None
    cost: Annotated[Name, Field(max_length=200)] | None = Field(
        default=None, description="the outcome that holds what an execution cost"
    )
    warns_at: Annotated[float, Field(gt=0, le=1)] | None = None
    known_at: Instant | None = Field(
        default=None, description="leave out what became known later; default: now"
    )
    until_seq: Annotated[int, Field(ge=0, le=query_parameters.LARGEST_ID)] | None = Field(
        default=None, description="leave out facts after this number"
    )
    requested_by: query_parameters.Person = "api"


class InsightPeriod(Closed):
    """first, last: days, both included. ends_at is left out of the period."""

    name: str
    length: Literal["week", "month", "days"]
    first: date
    last: date
    zone: str
    starts_at: datetime
    ends_at: datetime


class ReportedWork(Closed):
    """The part of the work that it is about; null: all of it."""

    scope: str | None
    kind: str | None
    actor: str | None


class ExecutiveReportMade(Closed):
    """follow: the address of the report; add `?format=pdf` or another format."""

    id: int
    period: InsightPeriod
    headline: list[str]
    follow: str


class ExecutiveReportEntry(Closed):
    """schedule: what made it; null: a person did."""

    id: int
    period: InsightPeriod
    work: ReportedWork
    made_at: datetime
    made_by: str
    schedule: str | None
    headline: list[str]


class ExecutiveReports(Closed):
    """The newest first. next: the `before` of the next page; null: this is the last one."""

    reports: list[ExecutiveReportEntry]
    next: int | None


class ExecutiveReport(Closed):
    """known_at, until_seq: of what was known. tables: by name; each figure says what gives it
    again."""

    id: int
    period: InsightPeriod
    before: InsightPeriod
    next: InsightPeriod
    work: ReportedWork
    prices: dict[str, float | str | None]
    made_at: datetime
    made_by: str
    schedule: str | None
    known_at: datetime
    until_seq: int
    headline: list[str]
    notes: list[str]
    tables: dict[str, list[dict[str, Any]]]


class Insight(Closed):
    """One number. unit: "" of a count, `share`, `h`, or a currency. change: beyond chance, for all
    numbers together. route, command: what gives it again."""

    name: str
    title: str
    unit: str
    value: float | None
    how: str
    before: float | None
    change: Literal["up", "down", "no change shown", "unknown"]
    p_value: float | None
    low: float | None
    high: float | None
    unknown: str
    not_compared: str
    route: str
    command: str


class BusinessInsights(Closed):
    period: InsightPeriod
    work: ReportedWork
    known_at: datetime
    until_seq: int
    headline: list[str]
    insights: list[Insight]


async def make(request: Request) -> Response:
    from runlore.reports.actions import making, wishes

    body = ReportWish.model_validate_json(await read_body(request) or b"{}")
    product = request.app.state.product
    wish = body.model_dump(by_alias=True, exclude={"requested_by"})
    asked = wishes.read_request(wish, product.settings, instants.now())
    actor = actor_of(request, body.requested_by)

    def work(store: Store) -> "StoredReport":
        return making.make_report(store, product.specs, asked, actor)

    stored = await write_store(request, work)
    made = ExecutiveReportMade(
        id=stored.id,
        period=stored.document["period"],
        headline=stored.document["headline"],
        follow=f"{REPORTS}/{stored.id}",
    )
    return model_response(made, 201)


async def every(request: Request) -> Response:
    from runlore.reports.actions import making

    query = query_parameters.filters(request, {"before", "limit"})
    limit = query_parameters.count("limit", query.get("limit", str(USUAL)), MOST)
    oldest = query_parameters.before(query)
    rows = await read_store(request, lambda store: making.list_reports(store, limit, oldest))
    return model_response(
        ExecutiveReports(
            reports=[_entry(row) for row in rows],
            next=rows[-1].id if len(rows) == limit else None,
        )
    )


async def one(request: Request) -> Response:
    from runlore.reports.actions import making

    query = query_parameters.filters(request, {"format", "table", "tables"})
    number = _number(request.path_params["id"])
    form = chosen_format(request, query.get("format"))
    stored = await read_store(request, lambda store: making.show_report(store, number))
    if form != "json":
        return await file_response(request, stored, form, query.get("table", "figures"))
    return model_response(_whole(stored, query.get("tables")))


async def insights(request: Request) -> Response:
    from runlore.kernel.json_values import as_json
    from runlore.reports.actions import composing, wishes
    from runlore.reports.views.report_json import with_links

    query = query_parameters.filters(request, ASKED | {"figure"})
    product = request.app.state.product
    asked = wishes.read_request(query, product.settings, instants.now())
    found = await read_store(request, lambda store: composing.compose(store, product.specs, asked))
    document = as_json(found)
    shown = with_links(document, None, query.get("figure"))
    return model_response(
        BusinessInsights(
            period=document["period"],
            work=document["work"],
            known_at=document["known_at"],
            until_seq=document["until_seq"],
            headline=document["headline"],
            insights=shown["figures"],
        )
    )


def _entry(row: "StoredReport") -> ExecutiveReportEntry:
    return ExecutiveReportEntry(
        id=row.id,
        period=row.document["period"],
        work=row.document["work"],
        made_at=row.made_at,
        made_by=row.made_by,
        schedule=row.schedule,
        headline=row.document["headline"],
    )


def _whole(row: "StoredReport", tables: str | None) -> ExecutiveReport:
    from runlore.reports.views.report_json import with_links
    from runlore.reports.views.report_tables import TABLES

    document: Mapping[str, Any] = with_links(row.document)
    names = TABLES if tables is None else tuple(filter(None, tables.split(",")))
    for name in names:
        query_parameters.choice("tables", name, TABLES)
    copied = ("period", "before", "next", "work", "prices", "headline", "notes", "until_seq")
    return ExecutiveReport(
        id=row.id,
        made_at=row.made_at,
        made_by=row.made_by,
        schedule=row.schedule,
        known_at=row.known_at,
        tables={name: document.get(name, []) for name in names},
        **{name: document[name] for name in copied},
    )


def _number(text: str) -> int:
    """The id of the path. Raises NotFound for what is no number."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound(f"no report has the id {text[:80]!r}; GET {REPORTS} lists them")
    return int(text)


DAY = {"type": "string", "format": "date"}
WORD = {"type": "string"}
PRICE = {"type": "number", "minimum": 0}
POSITIVE = {"type": "integer", "minimum": 1}
OF_PERIOD = [
    in_query("every", "The one that has ended last", {"enum": ["weekly", "monthly"]}),
    in_query("from", "First day of a span", DAY),
    in_query("to", "Last day of a span", DAY),
    in_query("length", "What the span is", {"enum": ["week", "month", "days"]}),
    in_query("zone", "Time zone of the days", {"type": "string", "default": "UTC"}),
    in_query("scope", "Of this scope only", WORD),
    in_query("kind", "Of this kind only", WORD),
    in_query("actor", "Of this actor only", WORD),
    in_query("price_per_hour", "Of running; default: the setting", PRICE),
    in_query("price_per_check", "Of looking at a warning; default: the setting", PRICE),
    in_query("currency", "Default: the setting", WORD),
    in_query("cost", "Outcome that holds the cost; default: the setting", WORD),
    in_query("warns_at", "Risk from which on an answer is a warning", PRICE | {"maximum": 1}),
    in_query("known_at", "Leave out what became known later", {**WORD, "format": "date-time"}),
    in_query("until_seq", "Leave out facts after this number", {**POSITIVE, "minimum": 0}),
    in_query("figure", "This number only", WORD),
]
BAD = (404, 422, 503)
ENDPOINTS = (
    Endpoint(
        "POST",
        REPORTS,
        make,
        "record",
        "Make and store a report of a period",
        {201: ("It is stored", ExecutiveReportMade)},
        (400, 413, 422, 503),
        ReportWish,
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "GET",
        REPORTS,
        every,
        "read",
        "List stored reports",
        {200: ("The newest first", ExecutiveReports)},
        (422, 503),
        parameters=[
            in_query(
                "before",
                "Only those with a smaller id",
                {**POSITIVE, "maximum": query_parameters.LARGEST_ID},
            ),
            in_query("limit", "How many", {**POSITIVE, "maximum": MOST, "default": USUAL}),
        ],
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "GET",
        f"{REPORTS}/{{id}}",
        one,
        "read",
        "A stored report, as JSON, HTML, PDF or CSV",
        {200: ("The report", ExecutiveReport)},
        BAD,
        parameters=[
            in_path("id", "Of the report", POSITIVE),
            in_query("format", "Default: by the header Accept, else json", {"enum": [*FORMATS]}),
            in_query("table", "Which table as CSV", {"type": "string", "default": "figures"}),
            in_query("tables", "Of the JSON: names with commas; default: all", WORD),
        ],
        tag=Tag.AGENT_ZERO,
        description="HTML is one page that loads nothing; CSV is one table, safe in spreadsheets.",
    ),
    Endpoint(
        "GET",
        INSIGHTS,
        insights,
        "read",
        "The numbers of a period, each beside the period before",
        {200: ("Each with what gives it again", BusinessInsights)},
        BAD,
        parameters=OF_PERIOD,
        tag=Tag.AGENT_ZERO,
    ),
)
