"""The list of series, and the routes of the pages of one."""

from bentos.console.frame.filters import address, number_filter, text_filter
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from bentos.console.signals.dismissing import dismiss, undo
from bentos.console.signals.one_series import SERIES_PATH, show_one
from runlore.signals.actions.series_search import SeriesSearch, search_series

PATH = "/console/signals"
ROWS = 100
LAST_PAGE = 100_000


def show_series(request: PageRequest) -> Shown:
    filters = {name: request.query.get(name, "") for name in ("name", "scope", "source")}
    search = SeriesSearch(*(text_filter(request.query, name) for name in filters))
    page = max(number_filter(request.query, "page", LAST_PAGE) or 1, 1)
    found = search_series(request.store, search, (page - 1) * ROWS, ROWS)
    links = [
        address(SERIES_PATH, {"name": one.name, "scope": one.scope, "source": one.source})
        for one in found.rows
    ]
    values = {
        "rows": list(zip(found.rows, links, strict=True)),
        "count": found.count,
        "is_cut": found.is_cut,
        "filters": filters,
        "is_filtered": any(filters.values()),
        "first": (page - 1) * ROWS + 1,
        "previous": address(PATH, filters, page=str(page - 1)) if page > 1 else "",
        "next": address(PATH, filters, page=str(page + 1)) if page * ROWS < found.count else "",
    }
    return Shown("signals/series.html", values)


PAGE = ConsolePage(
    "Series",
    65,
    PATH,
    (
        PageRoute("GET", PATH, show_series),
        PageRoute("GET", SERIES_PATH, show_one),
        PageRoute("POST", f"{PATH}/anomalies/{{id}}/dismiss", dismiss, "record"),
        PageRoute("POST", f"{PATH}/dismissals/{{id}}/undo", undo, "record"),
    ),
    group="Signals",
)
