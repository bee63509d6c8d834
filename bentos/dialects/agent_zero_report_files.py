"""A stored report as a file: HTML, PDF, or a table as CSV."""

from typing import TYPE_CHECKING, Literal

from starlette.requests import Request
from starlette.responses import Response

from bentos.dialects import query_parameters
from bentos.http.page_headers import of_document
from bentos.http.threads import in_thread

if TYPE_CHECKING:
    from runlore.reports.queries.stored_reports import StoredReport

ReportFormat = Literal["json", "html", "pdf", "csv"]
FORMATS: dict[str, ReportFormat] = {"json": "json", "html": "html", "pdf": "pdf", "csv": "csv"}
MEDIA: dict[str, ReportFormat] = {
    "application/json": "json",
    "text/html": "html",
    "application/pdf": "pdf",
    "text/csv": "csv",
}
TYPES = {form: media for media, form in MEDIA.items()}


def chosen_format(request: Request, wish: str | None) -> ReportFormat:
    """`?format=`, else the first type of the header Accept that there is, else JSON."""
    if wish is not None:
        return FORMATS[query_parameters.choice("format", wish, FORMATS)]
    accepted = request.headers.get("accept", "").split(",")
    kinds = (part.partition(";")[0].strip().lower() for part in accepted)
    return next((MEDIA[kind] for kind in kinds if kind in MEDIA), "json")


async def file_response(
    request: Request, stored: "StoredReport", form: ReportFormat, table: str
) -> Response:
    """Rendered in a thread; the name of the file says which report it is."""
    body = await in_thread(request, lambda: _rendered(request, stored, form, table))
    name = f"report-{stored.id}-{table}.csv" if form == "csv" else f"report-{stored.id}.{form}"
    place = "inline" if form in ("html", "pdf") else "attachment"
    headers = {"Content-Disposition": f'{place}; filename="{name}"', **of_document()}
    return Response(body, 200, headers, media_type=TYPES[form])


def _rendered(request: Request, stored: "StoredReport", form: ReportFormat, table: str) -> bytes:
    from runlore.reports.views import report_files, report_page, report_tables

    options = report_files.options_of(request.app.state.product.settings, stored.id)
    if form == "csv":
        text = report_tables.table_csv(stored.document, table)
        return (report_files.BYTE_ORDER_MARK + text).encode()
    if form == "pdf":
        from runlore.reports.views.report_pdf import render_pdf

        return render_pdf(stored.document, options)
    return report_page.render_report(stored.document, options).encode()
