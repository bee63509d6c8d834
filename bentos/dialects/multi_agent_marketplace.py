"""`/api/v1/multi-agent/marketplace`: the marketplace at the addresses of "ACD Phase 4"."""

from dataclasses import replace

from bentos.api import marketplace
from bentos.http.routing import Endpoint, Tag

PREFIX = "/api/v1/multi-agent/marketplace"
PATHS = {
    "search_marketplace": "/search",
    "read_package": "/agents/{agent_id}",
    "install_package": "/install/{agent_id}",
    "uninstall_package": "/uninstall/{agent_id}",
    "read_package_updates": "/updates/{agent_id}",
    "list_installed_packages": "/installed",
    "read_marketplace_stats": "/stats",
    "publish_package": "/publish",
}


def _in_its_words(endpoint: Endpoint) -> Endpoint:
    path = f"{PREFIX}{PATHS[endpoint.name]}"
    return replace(endpoint, path=path, tag=Tag.MULTI_AGENT, name="")


ENDPOINTS = tuple(_in_its_words(one) for one in marketplace.ENDPOINTS if one.name in PATHS)
