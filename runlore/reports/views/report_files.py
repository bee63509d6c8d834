"""A report written to files: a page, a PDF, and a folder of tables."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore.kernel.errors import BadInput
from runlore.reports.views.report_page import PageOptions, render_report
from runlore.reports.views.report_tables import TABLES, table_csv

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlore.alerts.delivery import MessageAttachment
    from runlore.reports.queries.stored_reports import StoredReport
    from runlore.reports.rules.schedule import Attachment
    from runlore.settings import Settings

BYTE_ORDER_MARK = "\ufeff"  # by which spreadsheets know UTF-8


@dataclass(frozen=True)
class ReportFiles:
    """Where to write; None: not at all."""

    html: Path | None = None
    pdf: Path | None = None
    csv: Path | None = None


def options_of(settings: "Settings", number: int | None) -> PageOptions:
    """How the settings have a report rendered."""
    link = "" if number is None else f"{settings.report_pages}/console/reports/{number}"
    return PageOptions(number, link, templates=settings.report_templates)


def write_files(
    document: Mapping[str, Any], files: ReportFiles, options: PageOptions
) -> list[Path]:
    """Write what is asked for; each file is replaced in one step."""
    written = []
    if files.html is not None:
        _replace(files.html, render_report(document, options).encode(), "html")
        written.append(files.html)
    if files.pdf is not None:
        from runlore.reports.views.report_pdf import render_pdf

        _replace(files.pdf, render_pdf(document, options), "pdf")
        written.append(files.pdf)
    if files.csv is not None:
        if files.csv.exists() and not files.csv.is_dir():
            raise BadInput(f"csv: {files.csv} is a file; name a folder", "csv")
        files.csv.mkdir(parents=True, exist_ok=True)
        for table in TABLES:
            path = files.csv / f"{table}.csv"
            _replace(path, (BYTE_ORDER_MARK + table_csv(document, table)).encode(), "csv")
            written.append(path)
    return written


def _replace(path: Path, content: bytes, option: str) -> None:
    """An interrupted command leaves an older file as it was."""
    if path.is_dir():
        raise BadInput(f"{option}: {path} is a folder; name a file", option)
    if not path.parent.is_dir():
        raise BadInput(f"{option}: there is no folder {path.parent}; make it first", option)
    handle, name = tempfile.mkstemp(prefix=".report-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def attachments(
    settings: "Settings",
) -> "Callable[[StoredReport, Attachment], MessageAttachment | None]":
    """What makes the file that an e-mail brings, by these settings."""

    def attach(stored: "StoredReport", form: "Attachment") -> "MessageAttachment | None":
        from runlore.alerts.delivery import MessageAttachment

        options = options_of(settings, stored.id)
        name = f"report-{stored.id}.{form}"
        if form == "pdf":
            from runlore.reports.views.report_pdf import render_pdf

            content = render_pdf(stored.document, options)
            return MessageAttachment(name, "application/pdf", content)
        if form == "html":
            page = render_report(stored.document, options)
            return MessageAttachment(name, "text/html", page.encode())
        return None

    return attach
