"""The marketplace: search it, install a package, and see what an update would change."""

from uuid import UUID

from bentos.console.frame.filters import address, number_filter, text_filter
from bentos.console.frame.page import (
    LONGEST_NAME,
    ConsolePage,
    Moved,
    PageRequest,
    PageRoute,
    Shown,
)
from bentos.http.parameters import parse_uuid
from runlore.agents.rules.registration import AGENT_TYPES
from runlore.marketplace.actions.catalog import find_package, search_catalog
from runlore.marketplace.actions.installing import (
    check_update,
    install,
    list_installed,
    uninstall,
    update,
)
from runlore.marketplace.actions.review import approve_package, held_packages
from runlore.marketplace.queries.search import ORDERS, CatalogQuery, SortBy
from runlore.marketplace.rules.permissions import explain_permission

PATH = "/console/marketplace"
PACKAGE, INSTALLED = f"{PATH}/packages/{{id}}", f"{PATH}/installed/{{id}}"
ROWS = 50


def show_marketplace(request: PageRequest) -> Shown:
    text, kind = (text_filter(request.query, name) for name in ("text", "type"))
    chosen = text_filter(request.query, "sort") or "rating"
    sort_by: SortBy = next((one for one in ORDERS if one == chosen), "rating")
    offset = number_filter(request.query, "offset", 100_000) or 0
    query = CatalogQuery(text or "", kind, sort_by=sort_by, limit=ROWS, offset=offset)
    page = search_catalog(request.store, query)
    filters = {"text": text or "", "type": kind or "", "sort": sort_by}
    is_last = offset + ROWS >= page.total
    values = {
        "rows": page.packages,
        "total": page.total,
        "installed": list_installed(request.store),
        "held": held_packages(request.store),
        "types": AGENT_TYPES,
        "orders": ORDERS,
        "filters": filters,
        "is_first": offset == 0,
        "more": "" if is_last else address(PATH, filters, offset=str(offset + ROWS)),
    }
    return Shown("marketplace/marketplace.html", values)


def show_package(request: PageRequest) -> Shown:
    made = find_package(request.store, _id(request))
    asked = [(one, explain_permission(one)) for one in made.manifest.permissions]
    mine = [one for one in list_installed(request.store) if one.package_id == made.package.id]
    values = {
        "package": made.package,
        "manifest": made.manifest,
        "versions": made.versions,
        "permissions": asked,
        "installed": mine,
    }
    return Shown("marketplace/package.html", values)


def show_installed(request: PageRequest) -> Shown:
    """What the newest version would change, and what it asks for in addition."""
    available = check_update(request.store, _id(request))
    found = available.decision.difference if available.decision else None
    explained = [(one, _explain(one)) for one in (found.asks if found else ())]
    granted = [(one, explain_permission(one)) for one in available.installation.permissions]
    values = {
        "row": available.installation,
        "granted": granted,
        "versions": available.versions,
        "difference": found,
        "asks": explained,
        "stopped": available.stopped,
    }
    return Shown("marketplace/installed.html", values)


def install_package(request: PageRequest) -> Moved:
    request.actor()
    name = request.form.get("name", "").strip()
    row = install(request.store, _id(request), request.line("name", LONGEST_NAME) if name else None)
    return Moved(f"{PATH}/installed/{row.agent_id}", f"{row.agent_name} is installed.")


def update_installed(request: PageRequest) -> Moved:
    """accept: what the newest version asks for in addition, as the page showed it."""
    request.actor()
    row = update(request.store, _id(request), request.form.get("accept", "").split())
    return Moved(f"{PATH}/installed/{row.agent_id}", f"{row.agent_name} is at {row.version}.")


def uninstall_package(request: PageRequest) -> Moved:
    request.actor()
    row = uninstall(request.store, _id(request))
    return Moved(PATH, f"{row.agent_name} is removed. Install {row.package} to have it back.")


def approve(request: PageRequest) -> Moved:
    request.actor()
    row = approve_package(request.store, _id(request))
    return Moved(f"{PATH}/packages/{row.id}", f"{row.name} can be installed.")


def _id(request: PageRequest) -> UUID:
    return parse_uuid(request.path["id"], "id")


def _explain(asked: str) -> str:
    if asked.startswith("limit:"):
        return "a higher limit of its runs"
    return explain_permission(asked)


PAGE = ConsolePage(
    "Marketplace",
    98,
    PATH,
    (
        PageRoute("GET", PATH, show_marketplace),
        PageRoute("GET", PACKAGE, show_package),
        PageRoute("POST", f"{PACKAGE}/install", install_package, "train"),
        PageRoute("POST", f"{PACKAGE}/approve", approve, "train"),
        PageRoute("GET", INSTALLED, show_installed),
        PageRoute("POST", f"{INSTALLED}/update", update_installed, "train"),
        PageRoute("POST", f"{INSTALLED}/uninstall", uninstall_package, "train"),
    ),
    group="Agents",
)
