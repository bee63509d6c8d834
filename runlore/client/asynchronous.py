"""The client whose answers are awaited."""

import asyncio
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


class AsyncClient:
    """As `Client`, for asyncio; its methods mean the same.

    async with runlore.AsyncClient("http://localhost:3000") as client:
        answer = await client.predict("failure-risk", actor="ann", kind="build")
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout_s: float = 10.0,
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url
        self._retry = retry or RetryPolicy()
        self._http = httpx.AsyncClient(
            **connection.options(url, key, timeout_s), transport=transport
        )

    async def predict(
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
        return await self.send(
            calls.predict_one(spec, work, reasons, **calls.levels(quantiles)), answers.prediction_of
        )

    async def predict_many(
        self,
        spec: str,
        works: Sequence[Work],
        *,
        reasons: int = 0,
        quantiles: Sequence[float] = (),
    ) -> list[PredictionResponse]:
        """Predict for up to 10,000 executions at once, in their order."""
        return await self.send(
            calls.predict_many(spec, works, reasons, **calls.levels(quantiles)),
            answers.predictions_of,
        )

    async def gate(
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
            outcome: PredictionResponse | RunloreError = await self.predict(
                spec, actor=actor, kind=kind, scope=scope, inputs=inputs, execution=execution
            )
        except RunloreError as error:
            outcome = error
        return answers.judge(outcome, max, fail_open=fail_open)

    async def record_execution(
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
        return await self.send(call, answers.recording_of)

    async def record_outcome(
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
        return await self.send(call, answers.recording_of)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def send(self, call: Call, parse: Callable[[Any], T]) -> T:
        """Send any call of `runlore.client.calls`. parse: makes the answer of its JSON."""
        began, attempt = time.monotonic(), 0
        while True:
            event = await self._attempt(call)
            pause_s = self._retry.pause_s(call, attempt, time.monotonic() - began, event)
            if pause_s is None:
                return connection.settle(self.url, call, event, parse)
            await asyncio.sleep(pause_s)
            attempt += 1

    async def _attempt(self, call: Call) -> httpx.Response | httpx.TransportError:
        try:
            return await self._http.request(**connection.request_of(call))
        except httpx.TransportError as error:
            return error
