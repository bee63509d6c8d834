"""Answers of the service, typed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

import httpx

from runlore.client.errors import error_of
from runlore.kernel.errors import RunloreError, Unavailable

T = TypeVar("T")


@dataclass(frozen=True)
class PredictionReason:
    """effect: the prediction less what it would be with the feature at its reference.

    text: the same as a sentence.
    """

    feature: str
    value: float | None
    reference: float | None
    effect: float
    text: str | None = None


@dataclass(frozen=True)
class PredictionResponse:
    """id: of the ledger row. low, high: of a quantity's interval, in `unit`.

    quantiles: value by level, of the levels that were asked for. support: how much of the request
    training and the history have seen. raw: the whole answer, with what a newer service adds to it.
    """

    id: UUID
    spec: str
    version: str | None
    prediction: float
    low: float | None
    high: float | None
    unit: str
    reasons: tuple[PredictionReason, ...]
    as_of: datetime
    quantiles: Mapping[float, float]
    support: Literal["none", "little", "good"] | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True)
class RecordingResponse:
    """What is known now of an execution. is_new: whether this request added to it."""

    id: str
    submitted: datetime
    status: str
    revision: int
    is_new: bool
    raw: Mapping[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True)
class GateAnswer:
    """Whether work may start. why: a sentence. prediction: None where there is no answer.

    exit_code: as of `runlore gate`: 0 may start, 1 risky, 2 no answer.
    """

    passes: bool
    state: Literal["passes", "risky", "no answer"]
    why: str
    prediction: PredictionResponse | None

    @property
    def exit_code(self) -> int:
        return 0 if self.passes else 1 if self.state == "risky" else 2


def prediction_of(raw: Mapping[str, Any]) -> PredictionResponse:
    return PredictionResponse(
        id=UUID(raw["id"]),
        spec=raw["spec"],
        version=raw["version"],
        prediction=raw["prediction"],
        low=raw["low"],
        high=raw["high"],
        unit=raw["unit"],
        reasons=tuple(map(_reason, raw.get("reasons") or ())),
        as_of=_instant(raw["as_of"]),
        quantiles={float(at): value for at, value in (raw.get("quantiles") or {}).items()},
        support=raw.get("support"),
        raw=raw,
    )


def _reason(raw: Mapping[str, Any]) -> PredictionReason:
    parts = (raw["feature"], raw["value"], raw["reference"], raw["effect"])
    return PredictionReason(*parts, text=raw.get("text"))


def predictions_of(raw: list[Mapping[str, Any]]) -> list[PredictionResponse]:
    return [prediction_of(one) for one in raw]


def recording_of(raw: Mapping[str, Any]) -> RecordingResponse:
    return RecordingResponse(
        id=raw["id"],
        submitted=_instant(raw["submitted"]),
        status=raw["status"],
        revision=raw["revision"],
        is_new=raw["is_new"],
        raw=raw,
    )


def read(response: httpx.Response, parse: Callable[[Any], T]) -> T:
    """Raises the error that the service reports, or Unavailable for what no Runlore answers."""
    body = _json(response)
    if not response.is_success:
        raise error_of(response.status_code, body if isinstance(body, dict) else {})
    try:
        return parse(body)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Unavailable(
            f"{response.url}: the answer is not one of Runlore's prediction service; check the url"
        ) from error


def judge(
    outcome: PredictionResponse | RunloreError, limit: float, *, fail_open: bool
) -> GateAnswer:
    """A prediction up to the limit passes; without one, `fail_open` decides."""
    if isinstance(outcome, RunloreError):
        return GateAnswer(fail_open, "no answer", f"no answer: {outcome}", None)
    passes = outcome.prediction <= limit
    word = "at most" if passes else "above"
    why = f"{outcome.spec} {outcome.prediction:.4g} {outcome.unit} is {word} {limit:g}"
    return GateAnswer(passes, "passes" if passes else "risky", why, outcome)


def _json(response: httpx.Response) -> Any:  # noqa: ANN401  (JSON)
    try:
        return response.json()
    except ValueError:
        return None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
