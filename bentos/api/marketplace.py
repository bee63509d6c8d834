"""The marketplace of agents, over HTTP."""

from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from bentos.api.marketplace_schema import (
    InstallationMade,
    InstalledPackage,
    InstalledPackages,
    InstallRequest,
    MarketplaceDetail,
    MarketplaceSearch,
    MarketplaceStats,
    PackageUpdates,
    PackageUpload,
    PublishedPackage,
    UpdateRequest,
    detail_body,
    installed_body,
    publication_body,
    search_body,
    stats_body,
    updates_body,
)
from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.parameters import limit_of, read_uuid
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from runlore.agents.rules.registration import AGENT_TYPES
from runlore.kernel.errors import BadInput
from runlore.marketplace.actions import catalog, installing, publishing
from runlore.marketplace.queries.search import ORDERS, CatalogQuery, SortBy

MAX_PAGE = catalog.MAX_PAGE


async def search(request: Request) -> Response:
    wanted = _query(request)
    page = await read_store(request, lambda store: catalog.search_catalog(store, wanted))
    return model_response(search_body(page, wanted.offset))


async def detail(request: Request) -> Response:
    package_id = read_uuid(request, "agent_id")
    found = await read_store(request, lambda store: catalog.find_package(store, package_id))
    return model_response(detail_body(found))


async def stats(request: Request) -> Response:
    return model_response(stats_body(await read_store(request, catalog.read_totals)))


async def installed(request: Request) -> Response:
    rows = await read_store(request, installing.list_installed)
    return model_response(InstalledPackages(agents=[installed_body(row) for row in rows]))


async def publish(request: Request) -> Response:
    content = PackageUpload.model_validate_json(await read_body(request)).content()
    made = await write_store(request, lambda store: publishing.publish(store, content))
    return model_response(publication_body(made), 201 if made.is_new else 200)


async def install(request: Request) -> Response:
    package_id = read_uuid(request, "agent_id")
    body = InstallRequest.model_validate_json(await read_body(request) or b"{}")
    row = await write_store(
        request, lambda store: installing.install(store, package_id, body.custom_name)
    )
    message = f"{row.package} {row.version} is installed as agent {row.agent_name}"
    return model_response(InstallationMade(message=message, installed=installed_body(row)), 201)


async def uninstall(request: Request) -> Response:
    agent_id = read_uuid(request, "agent_id")
    row = await write_store(request, lambda store: installing.uninstall(store, agent_id))
    return model_response(installed_body(row))


async def updates(request: Request) -> Response:
    agent_id = read_uuid(request, "agent_id")
    found = await read_store(request, lambda store: installing.check_update(store, agent_id))
    return model_response(updates_body(found))


async def update(request: Request) -> Response:
    agent_id = read_uuid(request, "agent_id")
    body = UpdateRequest.model_validate_json(await read_body(request) or b"{}")
    row = await write_store(request, lambda store: installing.update(store, agent_id, body.accept))
    return model_response(installed_body(row))


def _query(request: Request) -> CatalogQuery:
    params = request.query_params
    is_free = params.get("free_only", "false").lower() == "true"
    price = 0 if is_free else _number(request, "max_price_cents")
    rating = _number(request, "min_rating")
    words = params.get("capabilities", "")
    return CatalogQuery(
        text=params.get("query", ""),
        type=params.get("agent_type"),
        publisher=params.get("publisher"),
        capabilities=tuple(word for word in words[:10_000].split(",") if word),
        min_rating=rating,
        max_price_cents=None if price is None else int(price),
        sort_by=cast(SortBy, params.get("sort_by", "rating")),
        limit=limit_of(request, MAX_PAGE, 20),
        offset=int(_number(request, "offset") or 0),
    )


def _number(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    plain = text.replace(".", "", 1)
    if not (plain.isascii() and plain.isdecimal() and len(text) < 12):
        raise BadInput(f"{name}: {text[:40]!r} is no number", name)
    return float(text)


UUID_TEXT: dict[str, Any] = {"type": "string", "format": "uuid"}
PACKAGE_ID = in_path("agent_id", "Id of the package, as the search shows it", UUID_TEXT)
AGENT_ID = in_path("agent_id", "Id of the installed agent", UUID_TEXT)
TEXT: dict[str, Any] = {"type": "string"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
FILTERS = [
    in_query("query", "Words of name, title, description and capabilities", TEXT),
    in_query("agent_type", "Of this type", {"enum": list(AGENT_TYPES)}),
    in_query("publisher", "Of this publisher", TEXT),
    in_query("capabilities", "That have all of these, with commas between", TEXT),
    in_query("min_rating", "With at least this rating", {"type": "number", "maximum": 5}),
    in_query("max_price_cents", "For at most this price", COUNT),
    in_query("free_only", "Only those that cost nothing", {"type": "boolean"}),
    in_query("sort_by", "What comes first", {"enum": list(ORDERS), "default": "rating"}),
    in_query("limit", "How many", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE}),
    in_query("offset", "The `next_offset` of the page before", COUNT),
]
INSTALLED = ("The installation", InstalledPackage)
ENDPOINTS = (
    Endpoint(
        "GET",
        "/marketplace/packages",
        search,
        "read",
        "Search the marketplace",
        {200: ("A page of packages", MarketplaceSearch)},
        (422, 503),
        parameters=FILTERS,
        tag=Tag.AGENTS,
        name="search_marketplace",
    ),
    Endpoint(
        "POST",
        "/marketplace/packages",
        publish,
        "record",
        "Publish a package",
        {
            201: ("It is published, or held for a person", PublishedPackage),
            200: ("These bytes were published before", PublishedPackage),
        },
        (400, 409, 413, 422, 503),
        PackageUpload,
        tag=Tag.AGENTS,
        name="publish_package",
    ),
    Endpoint(
        "GET",
        "/marketplace/packages/{agent_id}",
        detail,
        "read",
        "Read a package with its permissions and versions",
        {200: ("The package", MarketplaceDetail)},
        (404, 422, 503),
        parameters=[PACKAGE_ID],
        tag=Tag.AGENTS,
        name="read_package",
    ),
    Endpoint(
        "POST",
        "/marketplace/packages/{agent_id}/install",
        install,
        "train",
        "Install a package: register its agent",
        {201: ("It is installed", InstallationMade)},
        (400, 404, 409, 413, 422, 503),
        InstallRequest,
        [PACKAGE_ID],
        tag=Tag.AGENTS,
        name="install_package",
    ),
    Endpoint(
        "GET",
        "/marketplace/installed",
        installed,
        "read",
        "List installed packages",
        {200: ("All of them", InstalledPackages)},
        (503,),
        tag=Tag.AGENTS,
        name="list_installed_packages",
    ),
    Endpoint(
        "DELETE",
        "/marketplace/installed/{agent_id}",
        uninstall,
        "train",
        "Uninstall a package: remove its agent",
        {200: ("What was installed", InstalledPackage)},
        (404, 422, 503),
        parameters=[AGENT_ID],
        tag=Tag.AGENTS,
        name="uninstall_package",
    ),
    Endpoint(
        "GET",
        "/marketplace/installed/{agent_id}/updates",
        updates,
        "read",
        "See what an update would change",
        {200: ("Newer versions, and the difference", PackageUpdates)},
        (404, 422, 503),
        parameters=[AGENT_ID],
        tag=Tag.AGENTS,
        name="read_package_updates",
    ),
    Endpoint(
        "POST",
        "/marketplace/installed/{agent_id}/update",
        update,
        "train",
        "Update an installed package",
        {200: INSTALLED},
        (400, 404, 409, 413, 422, 503),
        UpdateRequest,
        [AGENT_ID],
        tag=Tag.AGENTS,
        name="update_package",
    ),
    Endpoint(
        "GET",
        "/marketplace/stats",
        stats,
        "read",
        "Read totals of the marketplace",
        {200: ("Totals", MarketplaceStats)},
        (503,),
        tag=Tag.AGENTS,
        name="read_marketplace_stats",
    ),
)
