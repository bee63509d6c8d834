"""Make a report and store it; the same report again gives the same numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runlore.kernel.errors import NotFound
from runlore.kernel.json_values import as_json
from runlore.reports.actions.composing import compose
from runlore.reports.queries import stored_reports
from runlore.reports.queries.stored_reports import NewReport, StoredReport
from runlore.reports.rules.document import ReportDocument
from runlore.reports.rules.period import DAY, ReportPeriod
from runlore.reports.rules.request import ReportPrices, ReportRequest, WorkFilter
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Connection, Store

if TYPE_CHECKING:
    from runlore.settings import Settings

MOST_LISTED = 1000


def prices_of(settings: "Settings") -> ReportPrices:
    """The prices of the settings."""
    return ReportPrices(
        settings.report_price_per_hour,
        settings.report_price_per_check,
        settings.report_currency,
        settings.report_cost,
        settings.report_warns_at,
    )


def make_report(
    store: Store, specs: Sequence[ModelSpec], request: ReportRequest, made_by: str
) -> StoredReport:
    """Compose a report and store it."""
    document = compose(store, specs, request)
    with store.begin() as connection:
        number = store_report(connection, document, made_by)
        return find_stored(connection, number)


def store_report(
    connection: Connection, document: ReportDocument, made_by: str, schedule_id: int | None = None
) -> int:
    """Store a report in the caller's transaction; returns its id."""
    period = document.period
    return stored_reports.add_report(
        connection,
        NewReport(
            schedule_id=schedule_id,
            first_day=period.first,
            after_day=period_of(document).after,
            zone=period.zone,
            length=period.length,
            known_at=document.known_at,
            made_by=made_by,
            document=as_json(document),
        ),
    )


def period_of(document: ReportDocument) -> ReportPeriod:
    """The period that a document is about."""
    view = document.period
    return ReportPeriod(view.first, view.last + DAY, view.zone, view.length)


def find_stored(connection: Connection, report_id: int) -> StoredReport:
    """Raises NotFound."""
    report = stored_reports.find_report(connection, report_id)
    if report is None:
        raise NotFound(f"no report has the id {report_id}; `runlore reports list` lists them")
    return report


def show_report(store: Store, report_id: int) -> StoredReport:
    """A stored report. Raises NotFound."""
    with store.begin() as connection:
        return find_stored(connection, report_id)


def list_reports(store: Store, limit: int, before: int | None = None) -> list[StoredReport]:
    """The newest first, without those from `before` on."""
    with store.begin() as connection:
        return stored_reports.list_reports(connection, min(limit, MOST_LISTED), before)


def request_of(report: StoredReport) -> ReportRequest:
    """What gives a stored report again: period, work, prices, and what was known."""
    document = report.document
    return ReportRequest(
        period=ReportPeriod(report.first_day, report.after_day, report.zone, report.length),
        known_at=report.known_at,
        work=WorkFilter(**document["work"]),
        prices=ReportPrices(**document["prices"]),
        until_seq=int(document["until_seq"]),
    )


def repeat_report(store: Store, specs: Sequence[ModelSpec], report_id: int) -> ReportDocument:
    """Compose a stored report again, from the facts that it was made of."""
    return compose(store, specs, request_of(show_report(store, report_id)))
