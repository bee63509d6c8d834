"""The calls of the prediction service's routes: plain data, sent by either client."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Required, TypedDict
from urllib.parse import quote

Scalar = str | float | int | bool | None


class Work(TypedDict, total=False):
    """What is known of work before it runs.

    execution: its id, under which you also report its outcome.
    """

    actor: Required[str]
    kind: Required[str]
    scope: str
    inputs: Mapping[str, Scalar]
    execution: str | None


@dataclass(frozen=True)
class Call:
    """One request to the service.

    is_repeatable: whether the service recognises a repetition, so that a request whose answer was
    lost may be sent again.
    """

    method: str
    path: str
    body: Any
    is_repeatable: bool
    query: Mapping[str, str] = field(default_factory=dict)


def predict_one(spec: str, work: Work, reasons: int, **options: str) -> Call:
    """A repetition would be another answer on the ledger, so it is not repeatable.

    options: further query parameters of the route.

    >>> predict_one("failure-risk", {"actor": "ann", "kind": "build"}, reasons=3).query
    {'reasons': '3'}
    """
    query = {"reasons": str(reasons), **options} if reasons else options
    return Call("POST", f"/predict/{quote(spec, safe='')}", _known(work), False, query)


def predict_many(spec: str, works: Sequence[Work], reasons: int, **options: str) -> Call:
    query = {"reasons": str(reasons), **options} if reasons else options
    body = [_known(work) for work in works]
    return Call("POST", f"/predict/{quote(spec, safe='')}/batch", body, False, query)


def levels(quantiles: Sequence[float]) -> dict[str, str]:
    """The query parameter that asks for quantiles at these levels.

    >>> levels([0.5, 0.95])
    {'quantiles': '0.5,0.95'}
    """
    return {"quantiles": ",".join(map(repr, map(float, quantiles)))} if quantiles else {}


def record_execution(
    *,
    id: str | None,  # noqa: A002  (the service's word)
    actor: str,
    kind: str,
    scope: str,
    inputs: Mapping[str, Scalar] | None,
    submitted: datetime | None,
    started: datetime | None,
) -> Call:
    """Without an id the work gets one here, so that a repetition is recognised by it."""
    body = {
        "id": id or str(uuid.uuid4()),
        "actor": actor,
        "kind": kind,
        "scope": scope,
        "inputs": dict(inputs or {}),
        "submitted": _instant(submitted),
        "started": _instant(started),
    }
    return Call("POST", "/executions", _known(body), is_repeatable=True)


def record_outcome(
    *,
    id: str,  # noqa: A002  (the service's word)
    status: str,
    outcome: Mapping[str, Scalar] | None,
    submitted: datetime | None,
    started: datetime | None,
    finished: datetime | None,
    is_correction: bool,
) -> Call:
    """The path has the id as it is, slashes included.

    >>> record_outcome(id="a b/1", status="failed", outcome=None, submitted=None, started=None,
    ...                finished=None, is_correction=False).path
    '/executions/a%20b/1/outcome'
    """
    body = {
        "status": status,
        "outcome": None if outcome is None else dict(outcome),
        "submitted": _instant(submitted),
        "started": _instant(started),
        "finished": _instant(finished),
        "correction": is_correction or None,
    }
    return Call("POST", f"/executions/{quote(id)}/outcome", _known(body), is_repeatable=True)


def _known(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
