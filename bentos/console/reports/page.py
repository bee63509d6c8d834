"""Stored reports, one report, a form to make one, and schedules."""

from collections.abc import Mapping, Sequence
from typing import Any

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, number_filter
from bentos.console.frame.page import ConsolePage, Moved, PageFile, PageRequest, PageRoute, Shown
from runlore.alerts.delivery import parse
from runlore.kernel.errors import NotFound
from runlore.reports.actions import making, scheduling, wishes
from runlore.reports.queries.stored_reports import StoredReport
from runlore.reports.rules.headline import figure_text, score_text
from runlore.reports.rules.request import WorkFilter

PATH = "/console/reports"
SCHEDULES = "/console/report-schedules"
ROWS = 30
LONGEST_FIELD = 200
FIELDS = ("every", "from", "to", "zone", "scope", "kind", "actor")
TILES = (
    "executions",
    "failure_rate",
    "failed_hours",
    "cost",
    "foreseen_share",
    "avoidable_hours",
)
FILES = {"pdf": "application/pdf", "html": "text/html", "csv": "text/csv"}


def show_reports(request: PageRequest) -> Shown:
    before = number_filter(request.query, "before")
    rows = making.list_reports(request.store, ROWS, before)
    older = address(PATH, {}, before=str(rows[-1].id)) if len(rows) == ROWS else ""
    settings = request.product.settings
    values = {
        "rows": [(row, WorkFilter(**row.document["work"]).words) for row in rows],
        "is_first": before is None,
        "older": older,
        "schedules": [
            (view, WorkFilter(**view.schedule.work).words)
            for view in scheduling.list_schedules(request.store, request.at)
        ],
        "channels": sorted(parse(settings.alert_channels)),
        "has_price": settings.report_price_per_hour is not None or settings.report_cost is not None,
    }
    return Shown("reports/reports.html", values)


def show_report(request: PageRequest) -> Shown:
    stored = making.show_report(request.store, request.number("id"))
    document = stored.document
    figures = {row["name"]: row for row in document["figures"]}
    values = {
        "stored": stored,
        "report": document,
        "work": WorkFilter(**document["work"]).words,
        "tiles": [figures[name] for name in TILES],
        "days": _days(document["days"]),
        "groups": _groups(document["groups"]),
        "figure": figure_text,
        "score": score_text,
        "tables": sorted(_tables()),
    }
    return Shown("reports/report.html", values)


def send_file(request: PageRequest) -> PageFile:
    """A stored report as a file: `report.pdf`, `report.html`, or a table as `NAME.csv`."""
    stored = making.show_report(request.store, request.number("id"))
    name = request.path["file"]
    stem, _, form = name.rpartition(".")
    if form not in FILES or (form != "csv" and stem != "report"):
        raise NotFound(f"{name[:80]!r}: a report is there as report.pdf, report.html and NAME.csv")
    body = _rendered(request, stored, stem, form)
    return PageFile(body, FILES[form], f"report-{stored.id}-{stem}.{form}")


def make_report(request: PageRequest) -> Moved:
    wish = {name: _field(request, name) for name in FIELDS}
    if wish["from"] or wish["to"]:
        wish["every"] = ""
    asked = wishes.read_request(wish, request.product.settings, request.at)
    stored = making.make_report(request.store, request.product.specs, asked, request.actor())
    return Moved(f"{PATH}/{stored.id}", f"Report {stored.id} is stored.")


def make_schedule(request: PageRequest) -> Moved:
    names = ("name", "every", "zone", "at", "scope", "kind", "actor", "attach")
    wish: dict[str, Any] = {name: _field(request, name) for name in names}
    channel = request.form.get("channel", "")
    wish["channels"] = (channel,) if channel else ()
    new = wishes.read_schedule(wish, request.actor(), request.at)
    known = parse(request.product.settings.alert_channels)
    made = scheduling.schedule_report(request.store, new, known)
    return Moved(PATH, f"Schedule {made.name} makes its first report when this {made.every} ends.")


def end_schedule(request: PageRequest) -> Moved:
    name = request.form.get("name", "")
    scheduling.unschedule_report(request.store, name, request.actor(), request.at)
    return Moved(PATH, f"Schedule {name} has ended.")


def _field(request: PageRequest, name: str) -> str | None:
    """A field of the form; None: it was left empty. `of_actor`: whose work, not who asks."""
    text = request.form.get("of_actor" if name == "actor" else name, "").strip()
    return text[:LONGEST_FIELD] or None


def _rendered(request: PageRequest, stored: StoredReport, stem: str, form: str) -> bytes:
    from runlore.reports.views import report_files, report_page, report_tables

    options = report_files.options_of(request.product.settings, stored.id)
    if form == "csv":
        text = report_tables.table_csv(stored.document, stem)
        return (report_files.BYTE_ORDER_MARK + text).encode()
    if form == "pdf":
        from runlore.reports.views.report_pdf import render_pdf

        return render_pdf(stored.document, options)
    return report_page.render_report(stored.document, options).encode()


def _tables() -> Sequence[str]:
    from runlore.reports.views.report_tables import TABLES

    return TABLES


def _days(rows: Sequence[Mapping[str, Any]]) -> Chart | None:
    if not any(row["executions"] for row in rows):
        return None
    days = [row["day"] for row in rows]
    well = [float(row["executions"] - row["failed"]) for row in rows]
    failed = [float(row["failed"]) for row in rows]
    series = (
        ChartSeries("executions that have not failed", days, well, style="line", colour=1),
        ChartSeries("failed", days, failed, style="bars", colour=2),
    )
    caption = "The first half is the period before."
    return Chart("How much work was there each day?", "day", "executions", series, caption)


def _groups(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    parts = ("scope", "kind", "actor")
    of_parts = {part: [row for row in rows if row["part"] == part] for part in parts}
    return {part: of_part for part, of_part in of_parts.items() if of_part}


PAGE = ConsolePage(
    "Reports",
    75,
    PATH,
    (
        PageRoute("GET", PATH, show_reports),
        PageRoute("POST", PATH, make_report, "record"),
        PageRoute("GET", f"{PATH}/{{id}}", show_report),
        PageRoute("GET", "/report-files/{id}/{file}", send_file),
        PageRoute("POST", SCHEDULES, make_schedule, "record"),
        PageRoute("POST", f"{SCHEDULES}/end", end_schedule, "record"),
    ),
)
