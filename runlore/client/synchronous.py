"""The client that waits for its answers."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from runlore.client import answers, calls, connection
from runlore.client.answers import GateAnswer, PredictionResponse, RecordingResponse
from runlore.client.calls import Call, Scalar, Work
from runlore.client.retries import RetryPolicy
from runlore.kernel.errors import RunloreError

T = TypeVar("T")


class Client:
    """Predict before work runs, and report what came of it.

    url: of the prediction service, such as `http://localhost:3000`. key: an API key, where the
    service needs one. timeout_s: of one attempt. Requests are repeated only where nothing can
    happen twice; see `RetryPolicy`. transport: another way to send, such as httpx.MockTransport.

    Errors are those of Runlore: BadInput names the wrong `field`, AccessDenied a missing key,
    NotFound an unknown spec or execution, Refused a conflict, Unavailable that there is no answer.

        with runlore.Client("http://localhost:3000") as client:
            answer = client.predict("failure-risk", actor="ann", kind="build", execution="b-17")
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout_s: float = 10.0,
        retry: RetryPolicy | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url
        self._retry = retry or RetryPolicy()
        self._http = httpx.Client(**connection.options(url, key, timeout_s), transport=transport)

    def predict(
        self,
        spec: str,
        *,
        actor: str,
        kind: str,
        scope: str = "",
        inputs: Mapping[str, Scalar] | None = None,
        execution: str | None = None,
        reasons: int = 0,
        quantiles: Sequence[float] = (),
    ) -> PredictionResponse:
        """Predict for one execution. reasons: how many to give; they take longer.

        execution: its id. Without it, the prediction cannot be joined with its outcome. quantiles:
        levels between 0 and 1, of a quantity; at .95 it exceeds the value in 5 % of cases.
        """
        work = Work(
            actor=actor, kind=kind, scope=scope, inputs=dict(inputs or {}), execution=execution
        )
        return self.send(
            calls.predict_one(spec, work, reasons, **calls.levels(quantiles)), answers.prediction_of
        )

    def predict_many(
        self,
        spec: str,
        works: Sequence[Work],
        *,
        reasons: int = 0,
        quantiles: Sequence[float] = (),
    ) -> list[PredictionResponse]:
        """Predict for up to 10,000 executions at once, in their order."""
        return self.send(
            calls.predict_many(spec, works, reasons, **calls.levels(quantiles)),
            answers.predictions_of,
        )

    def gate(
        self,
        spec: str,
        *,
        max: float,  # noqa: A002  (as `runlore gate --max`)
        actor: str,
        kind: str,
        scope: str = "",
        inputs: Mapping[str, Scalar] | None = None,
        execution: str | None = None,
        fail_open: bool = False,
    ) -> GateAnswer:
        """Say whether the prediction is at most `max`. Raises none of Runlore's errors.

        fail_open: whether work may start when there is no answer, whatever the reason.
        """
        try:
            outcome: PredictionResponse | RunloreError = self.predict(
                spec, actor=actor, kind=kind, scope=scope, inputs=inputs, execution=execution
            )
        except RunloreError as error:
            outcome = error
        return answers.judge(outcome, max, fail_open=fail_open)

    def record_execution(
        self,
        *,
        actor: str,
        kind: str,
        scope: str = "",
        inputs: Mapping[str, Scalar] | None = None,
        id: str | None = None,  # noqa: A002  (the service's word)
        submitted: datetime | None = None,
        started: datetime | None = None,
    ) -> RecordingResponse:
        """Report work that was submitted; the same again changes nothing."""
        call = calls.record_execution(
            id=id,
            actor=actor,
            kind=kind,
            scope=scope,
            inputs=inputs,
            submitted=submitted,
            started=started,
        )
        return self.send(call, answers.recording_of)

    def record_outcome(
        self,
        id: str,  # noqa: A002  (the service's word)
        status: str,
        *,
        outcome: Mapping[str, Scalar] | None = None,
        submitted: datetime | None = None,
        started: datetime | None = None,
        finished: datetime | None = None,
        is_correction: bool = False,
    ) -> RecordingResponse:
        """Report what came of work: succeeded, failed, cancelled, partial or unknown."""
        call = calls.record_outcome(
            id=id,
            status=status,
            outcome=outcome,
            submitted=submitted,
            started=started,
            finished=finished,
            is_correction=is_correction,
        )
        return self.send(call, answers.recording_of)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, call: Call, parse: Callable[[Any], T]) -> T:
        """Send any call of `runlore.client.calls`. parse: makes the answer of its JSON."""
        began, attempt = time.monotonic(), 0
        while True:
            event = self._attempt(call)
            pause_s = self._retry.pause_s(call, attempt, time.monotonic() - began, event)
            if pause_s is None:
                return connection.settle(self.url, call, event, parse)
            time.sleep(pause_s)
            attempt += 1

    def _attempt(self, call: Call) -> httpx.Response | httpx.TransportError:
        try:
            return self._http.request(**connection.request_of(call))
        except httpx.TransportError as error:
            return error
