"""What a package may do, by name. What is not named here cannot be allowed."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from runlore.kernel.errors import BadInput

PERMISSIONS = {
    "clock": "read the time",
    "config": "read the settings of its own installation",
    "log": "write lines into the record of the task",
    "random": "get random numbers",
}
HOST_PERMISSION = "net:"
HOST = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?", re.ASCII)
MAX_PERMISSIONS = 32


def check_permissions(permissions: Iterable[str]) -> tuple[str, ...]:
    """In order, without repeats. Raises BadInput for an unknown one.

    >>> check_permissions(["net:api.example.org", "clock"])
    ('clock', 'net:api.example.org')
    """
    found = tuple(sorted(set(permissions)))
    if len(found) > MAX_PERMISSIONS:
        raise BadInput(f"permissions: more than {MAX_PERMISSIONS}", "permissions")
    for one in found:
        if one not in PERMISSIONS and not _is_host_permission(one):
            raise BadInput(
                f"permissions: {one[:60]!r} is none of {', '.join(PERMISSIONS)} and"
                " net:HOST (one host, no wildcard)",
                "permissions",
            )
    return found


def explain_permission(permission: str) -> str:
    """In words for people.

    >>> explain_permission("net:api.example.org")
    'send and receive data of tasks: api.example.org'
    """
    if permission.startswith(HOST_PERMISSION):
        return f"send and receive data of tasks: {permission.removeprefix(HOST_PERMISSION)}"
    return PERMISSIONS[permission]


def permission_of_address(address: str) -> str:
    """The permission that a package needs for an address.

    >>> permission_of_address("https://Api.Example.org:8443/agent-card.json")
    'net:api.example.org:8443'
    """
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    return f"{HOST_PERMISSION}{host}{f':{parts.port}' if parts.port else ''}"


def _is_host_permission(permission: str) -> bool:
    host = permission.removeprefix(HOST_PERMISSION)
    return permission.startswith(HOST_PERMISSION) and HOST.fullmatch(host) is not None
