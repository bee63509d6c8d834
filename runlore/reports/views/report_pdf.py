"""A report on paper: the page as PDF, by WeasyPrint. The only `import weasyprint`."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runlore.kernel.errors import Misconfigured, one_line
from runlore.reports.views.report_page import USUAL, PageOptions, render_report

MISSING = (
    "a PDF needs WeasyPrint and its library Pango: pip install 'runlore[all]', and on Debian"
    " `apt-get install libpango-1.0-0 libpangoft2-1.0-0`; HTML needs neither (--html)"
)


class NotFetched(ValueError):
    """A page for paper loads nothing, from nowhere."""


def render_pdf(document: Mapping[str, Any], options: PageOptions = USUAL) -> bytes:
    """The bytes of a PDF. Raises Misconfigured where WeasyPrint or Pango is missing."""
    page = render_report(document, replace(options, is_paper=True))
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:
        raise Misconfigured(f"{MISSING} ({one_line(error)[:200]})") from error
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it warns of styles for screens
    written: bytes | None = HTML(string=page, url_fetcher=_refuse).write_pdf()
    return written or b""


def _refuse(url: str, *_: Any, **__: Any) -> Any:  # noqa: ANN401  (WeasyPrint's signature)
    raise NotFetched(f"{url[:80]}: a report loads nothing")
