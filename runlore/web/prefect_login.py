"""What a client without Prefect's own code brings to a Prefect server: login and token."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runlore.web.login import read_login

LOGIN, KEY = "PREFECT_API_AUTH_STRING", "PREFECT_API_KEY"
NO_TOKENS = (404, 422)  # what a server answers that hands out no tokens against other pages


def authorization(home: Path | None) -> dict[str, str]:
    """The header for the Prefect server of a home, or, for None, for the user's own server.

    The user's server takes Prefect's own two variables; the login comes before the key.
    """
    if home is not None:
        return {"Authorization": read_login(home).header}
    return authorization_header(os.environ.get(LOGIN), os.environ.get(KEY))


def authorization_header(login: str | None, key: str | None) -> dict[str, str]:
    """The header for `user:password`, or else for an API key; empty when there is neither.

    >>> authorization_header("me:secret", "a key")
    {'Authorization': 'Basic bWU6c2VjcmV0'}
    >>> authorization_header(None, "a key"), authorization_header("", None)
    ({'Authorization': 'Bearer a key'}, {})
    """
    if login:
        return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
    return {"Authorization": f"Bearer {key}"} if key else {}


def csrf_headers(client: str, answer: Mapping[str, Any]) -> dict[str, str]:
    """What a request that changes something carries, from the answer to `/csrf-token?client=`."""
    return {"Prefect-Csrf-Client": client, "Prefect-Csrf-Token": str(answer["token"])}
