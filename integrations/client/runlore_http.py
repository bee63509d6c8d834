"""A client of Runlore's prediction service for programs inside which Runlore is not installed.

It needs Python 3.9 and its standard library only. Requests go to the named service alone: they
follow no redirect and use no proxy, so the key reaches nobody else.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Union
from urllib.parse import quote, urlsplit

Value = Union[str, int, float, bool]  # noqa: UP007  (evaluated, and Python 3.9 has no `|` of types)
Json = dict[str, Any]

DEFAULT_URL = "http://127.0.0.1:3000"
DEFAULT_TIMEOUT_S = 3.0
LARGEST_ANSWER = 4_000_000  # bytes
REASONS = 3


class RequestFailed(Exception):
    """The service gave no answer, in one sentence. status: of HTTP; None without a response."""

    def __init__(self, message: str, status: int | None = None, body: Json | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = body or {}


@dataclass(frozen=True)
class PlannedWork:
    """What is known of work before it runs. execution: its id, which joins it with its outcome."""

    actor: str
    kind: str
    scope: str = ""
    inputs: Mapping[str, Value] = field(default_factory=dict)
    execution: str | None = None

    def request(self) -> Json:
        body: Json = {"actor": self.actor, "kind": self.kind, "scope": self.scope}
        body["inputs"] = dict(self.inputs)
        return body if self.execution is None else body | {"execution": self.execution}


@dataclass(frozen=True)
class PredictionService:
    """A prediction service. timeout_s: of connecting, and of each wait for a part of the answer."""

    url: str = DEFAULT_URL
    key: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S

    def predict(self, spec: str, work: PlannedWork, query: str = f"reasons={REASONS}") -> Json:
        """The answer for one execution. Inputs that the model does not know are left out.

        Raises RequestFailed.
        """
        path = f"/predict/{quote(spec, safe='')}" + (f"?{query}" if query else "")
        try:
            return self.post(path, work.request())
        except RequestFailed as error:
            unknown = refused_inputs(error)
            if not unknown:
                raise
        known = {name: value for name, value in work.inputs.items() if name not in unknown}
        return self.post(path, replace(work, inputs=known).request())

    def quantile(self, spec: str, work: PlannedWork, level: float) -> float:
        """The value that the outcome stays below with this probability.

        Raises RequestFailed, also where nothing is known of the work: a limit would be a guess.
        """
        answer = self.predict(spec, work, f"quantiles={level!r}")
        if is_unknown(answer):
            raise RequestFailed(f"{spec} knows nothing of such work")
        values: Mapping[str, object] = answer.get("quantiles") or {}
        value = values.get(repr(level))
        if isinstance(value, (int, float)):
            return float(value)
        raise RequestFailed(
            f"version {answer.get('version')} of {spec} has no quantiles; train it anew"
        )

    def submit(self, work: PlannedWork, **fields: object) -> Json:
        """Report work that was submitted. fields: `submitted`, `started`, `status`."""
        body = work.request()
        body["id"] = body.pop("execution", None)
        return self.post("/executions", body | _filled(fields))

    def end(self, execution: str, status: str, **fields: object) -> Json:
        """Report the outcome. fields: `submitted`, `started`, `finished`, `outcome`."""
        path = f"/executions/{quote(execution, safe='')}/outcome"
        return self.post(path, {"status": status, **_filled(fields)})

    def post(self, path: str, body: Json) -> Json:
        """Send JSON, and read a JSON object. Raises RequestFailed."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        answer = exchange(self.url, "POST", path, body, headers, self.timeout_s)
        if not isinstance(answer, dict):
            raise RequestFailed("Runlore's answer is no JSON object")
        return answer


def exchange(
    url: str,
    method: str,
    path: str,
    body: Json | None,
    headers: Mapping[str, str],
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Any:  # noqa: ANN401  (JSON)
    """Send a request to this address alone, and read the JSON of a 200 or 201.

    Raises RequestFailed for anything else.
    """
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise RequestFailed(f"{url!r} is no address like {DEFAULT_URL}")
    is_tls = address.scheme == "https"
    opened = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
    accepted = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    try:
        text = None if body is None else json.dumps(body, allow_nan=False).encode()
        connection = opened(address.hostname, address.port, timeout=timeout_s)
        try:
            connection.request(method, address.path.rstrip("/") + path, text, accepted)
            response = connection.getresponse()
            return _json(url, response.status, response.read(LARGEST_ANSWER))
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise RequestFailed(f"{url} does not answer: {reason}") from error


def service_from_environment(environment: Mapping[str, str] | None = None) -> PredictionService:
    """The service that RUNLORE_URL, RUNLORE_KEY and RUNLORE_TIMEOUT_S name."""
    named = os.environ if environment is None else environment
    try:
        timeout_s = float(named.get("RUNLORE_TIMEOUT_S") or DEFAULT_TIMEOUT_S)
    except ValueError:
        timeout_s = DEFAULT_TIMEOUT_S
    return PredictionService(
        named.get("RUNLORE_URL") or DEFAULT_URL, named.get("RUNLORE_KEY", ""), timeout_s
    )


def refused_inputs(error: RequestFailed) -> frozenset[str]:
    """The inputs that a 422 names, if it names nothing else that is wrong."""
    fields = [str(wrong.get("field", "")) for wrong in error.body.get("errors") or ()]
    if error.status != 422 or not fields or not all(f.startswith("inputs.") for f in fields):
        return frozenset()
    return frozenset(name[len("inputs.") :] for name in fields)


def probability(answer: Mapping[str, Any]) -> float:
    """The probability of an answer. Raises RequestFailed for what is none."""
    value = answer.get("prediction")
    if isinstance(value, (int, float)) and 0 <= value <= 1:
        return float(value)
    raise RequestFailed(f"Runlore's answer has no probability: {value!r}")


def is_unknown(answer: Mapping[str, Any]) -> bool:
    """Neither the actor, nor the kind, nor the scope has been seen."""
    return answer.get("support") == "none"


def reason_sentences(answer: Mapping[str, Any], most: int = REASONS) -> list[str]:
    """What moved an answer most, in the service's own words where it has some."""
    reasons: Sequence[Mapping[str, Any]] = answer.get("reasons") or ()
    return [str(reason.get("text") or _plain(reason)) for reason in reasons[:most]]


def percent(probability: float) -> str:
    """A probability as people say it.

    >>> percent(0.314), percent(0.001)
    ('31 %', '<1 %')
    """
    return "<1 %" if 0 < probability < 0.005 else f"{100 * probability:.0f} %"


def _plain(reason: Mapping[str, Any]) -> str:
    return f"{reason.get('feature')}: {100 * float(reason.get('effect') or 0):+.0f} points"


def _filled(fields: Mapping[str, object]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _json(url: str, status: int, text: bytes) -> Any:  # noqa: ANN401
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if status not in (200, 201):
        problem = body if isinstance(body, dict) else {}
        words = (problem.get(name) for name in ("detail", "title", "message"))
        detail = next((str(word) for word in words if word), "no reason given")
        raise RequestFailed(f"{url} answers with {status}: {detail[:300]}", status, problem)
    return body
