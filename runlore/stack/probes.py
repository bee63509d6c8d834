"""Health probes over HTTP, straight to this machine, past any proxy."""

import http.client
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runlore.kernel import instants
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


@dataclass(frozen=True)
class HttpProbe:
    """Well when the address answers with success."""

    url: str

    def check(self, _since: datetime) -> None:
        """Raise `NoAnswer` unless the service is well."""
        ask(self.url)


@dataclass(frozen=True)
class WorkerProbe:
    """A Prefect worker is well when it has reported to its pool since it was started."""

    api: PrefectApi
    pool: str

    def check(self, since: datetime) -> None:
        workers = self.api.post(f"/work_pools/{self.pool}/workers/filter", {})
        seen = [w.get("last_heartbeat_time") for w in workers if w.get("status") == "ONLINE"]
        if not any(at and datetime.fromisoformat(at) >= since for at in seen):
            raise NoAnswer(f"{self.api.url}: no worker of pool {self.pool!r} has reported yet")


@dataclass(frozen=True)
class TaskProbe:
    """A task, not a server: well when it has ended with exit code 0, so never while it runs."""

    def check(self, _since: datetime) -> None:
        raise NoAnswer("not ended yet")


@dataclass(frozen=True)
class HeartbeatProbe:
    """Well while it touches a file again and again, for what has no port."""

    file: Path
    within: timedelta = timedelta(seconds=30)

    def check(self, since: datetime) -> None:
        try:
            at = datetime.fromtimestamp(self.file.stat().st_mtime, UTC)
        except FileNotFoundError:
            raise NoAnswer(f"{self.file}: not there yet") from None
        if at < max(since, instants.now() - self.within):
            raise NoAnswer(f"{self.file}: not touched since {at:%H:%M:%S} UTC")


Probe = HttpProbe | WorkerProbe | TaskProbe | HeartbeatProbe
