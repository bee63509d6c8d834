"""Who sent a request that was admitted."""

from starlette.requests import Request

from bentos.http.errors import Forbidden
from runlore.serving.queries.api_keys import ApiKey


def key_of(request: Request) -> ApiKey | None:
    """The key with which an admitted request came; None: it brought none."""
    key: ApiKey | None = getattr(request.state, "key", None)
    return key


def key_id_of(request: Request) -> str | None:
    key = key_of(request)
    return None if key is None else key.id


def actor_of(request: Request, said: str) -> str:
    """Who does something: the owner of the key, whoever the body says it is; else who that is."""
    key = key_of(request)
    return said if key is None else key.name


def require_admin(request: Request) -> None:
    """Raises Forbidden for a key without the scope `admin`."""
    key = key_of(request)
    if key is not None and "admin" not in key.scopes:
        raise Forbidden(
            f"key {key.id} lacks the scope 'admin'; it has: {', '.join(key.scopes)}",
            {"WWW-Authenticate": 'Bearer realm="runlore", error="insufficient_scope"'},
        )
