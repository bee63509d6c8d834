"""The API of a Prefect server without Prefect's own code: small requests, past any proxy."""

import http.client
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runlore.kernel.errors import Unavailable
from runlore.web import prefect_login

TIMEOUT_S = 5.0


class NoAnswer(Unavailable):
    """Nobody listens, or what came back is no HTTP answer of success.

    status: of the answer; None without one.
    """

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


def ask(url: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401  (whatever JSON holds)
    """GET, or POST of JSON when there is a body; return what the answer's JSON says.

    Anything but a success is `NoAnswer`; an answer that is not JSON comes back as text.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    sent = None if body is None else json.dumps(body)
    kind_of_body = {} if body is None else {"Content-Type": "application/json"}
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    method = "GET" if body is None else "POST"
    try:
        connection.request(method, target, sent, {**(headers or {}), **kind_of_body})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{url}: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise NoAnswer(f"{url}: HTTP {answer.status} {text[:200]}", answer.status)
    try:
        return json.loads(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class PrefectApi:
    """The API of a Prefect server, for what must not wait for the import of Prefect.

    home: whose login the server wants; None: it is the user's own server, see `prefect_login`.
    """

    url: str
    home: Path | None

    def post(self, path: str, body: object) -> Any:  # noqa: ANN401  (whatever JSON holds)
        headers = prefect_login.authorization(self.home)
        return ask(f"{self.url}{path}", body, headers | self._token(headers))

    def _token(self, headers: Mapping[str, str]) -> dict[str, str]:
        """What shows that a request comes from no other page; a server may not ask for it."""
        client = uuid.uuid4().hex
        try:
            answer = ask(f"{self.url}/csrf-token?client={client}", headers=headers)
        except NoAnswer as error:
            if error.status in prefect_login.NO_TOKENS:
                return {}
            raise
        return prefect_login.csrf_headers(client, answer)
