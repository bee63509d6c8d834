"""Predictions over HTTP: every answer and every refusal is on the ledger before it is sent."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from bentos.http.bodies import json_response, read_body
from bentos.http.errors import TITLES, Overloaded, Problem, TooSlow, problem
from bentos.http.identity import key_id_of
from bentos.http.prometheus_metrics import metrics
from bentos.http.threads import in_thread
from bentos.predict.answer_json import answer_json
from bentos.predict.live_versions import Live, Serving
from bentos.predict.request_options import NO_OPTIONS, parse_options
from bentos.predict.request_schema import RequestSchema
from runlore.kernel import instants
from runlore.kernel.deadlines import ANSWER_S, COMMIT_KNOWN_S, REFUSAL_S
from runlore.kernel.errors import BadInput, CannotWrite, RunloreError
from runlore.kernel.log_lines import note_fields
from runlore.kernel.spans import current_span, note_span, stages_of
from runlore.serving.actions import prediction
from runlore.serving.actions.prediction import (
    UNDRAWN,
    Predictor,
    RequestBatch,
    ServedPrediction,
    WriteOrTimeout,
)
from runlore.serving.actions.prediction_commit import PIECE_ROWS, commit
from runlore.serving.actions.promotion import CHALLENGER, CHAMPION
from runlore.serving.actions.recording import SOURCE
from runlore.serving.actions.refusals import Refusal, refusal_row
from runlore.serving.queries.ledger import Row
from runlore.store.engine import Store

Form = Literal["one", "batch"]
KEPT_BYTES = 4_000  # of a refused body, on the ledger

log = logging.getLogger("runlore.serving")


async def one(request: Request) -> Response:
    return await _answer(request, "one")


async def batch(request: Request) -> Response:
    return await _answer(request, "batch")


async def translated(
    request: Request, name: str, translate: Callable[[bytes], bytes], options: Mapping[str, str]
) -> Response:
    """One answer of a spec to a body in other words; what they cannot say stays as it came."""
    serving: Serving = request.app.state.serving
    serving.check(name)
    began = perf_counter()
    body = translate(await read_body(request))
    attempt = _Attempt(request, serving, name, "one", body, options, instants.now(), began)
    return await attempt.response()


async def _answer(request: Request, form: Form) -> Response:
    serving: Serving = request.app.state.serving
    name: str = request.path_params["spec"]
    serving.check(name)
    began = perf_counter()
    body = await read_body(request)
    options = request.query_params if request.scope.get("query_string") else NO_OPTIONS
    attempt = _Attempt(request, serving, name, form, body, options, instants.now(), began)
    return await attempt.response()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One request to predict: received at `at`."""

    http: Request
    serving: Serving
    name: str
    form: Form
    body: bytes
    options: Mapping[str, str]
    at: datetime
    began: float

    async def response(self) -> Response:
        live: Live | None = None
        ask: RequestBatch | None = None
        self._note(spec=self.name)
        try:
            live = self.serving.champion(self.name)
            ask = await self._ask(live)
            answers = await self._answers(ask)
        except CannotWrite as error:
            return self._unrecorded(live, ask, error)
        except (RunloreError, ValidationError) as error:
            is_hurried = isinstance(error, Overloaded)
            return await self._refused(live, ask, problem(error), is_hurried=is_hurried)
        except Exception:  # the edge of the process: the client and the ledger are told as well
            log.exception("predict %s", self.name)
            return await self._refused(live, ask, Problem(500, TITLES[500]))
        metrics().answered(self.name, answers[0].version, 200, len(answers))
        prediction_id = str(answers[0].id)
        self._note(version=answers[0].version or "", prediction_id=prediction_id)
        self._observe(prediction_id)
        shown = [answer_json(answer, live.unit) for answer in answers]
        return json_response(to_json(shown[0] if self.form == "one" else shown))

    async def _answers(self, ask: RequestBatch) -> list[ServedPrediction]:
        """Raises TooSlow while there is still time to write that down; an answer that is being
        written by then is waited for, since it counts."""
        left_s = ANSWER_S - (perf_counter() - self.began)
        work = asyncio.ensure_future(self._committed(ask))
        limit = getattr(self.http.state, "limit", None)
        clock = asyncio.get_running_loop().call_later(left_s, _give_up, work, ask.claim, limit)
        try:
            return await work
        except asyncio.CancelledError:
            if work.cancelled() and ask.claim.take("clock") and not _is_cancelled():
                raise TooSlow(f"no answer within {ANSWER_S:g} s; try again") from None
            raise
        finally:
            clock.cancel()
            work.cancel()

    def _committed(self, ask: RequestBatch) -> Awaitable[list[ServedPrediction]]:
        """One answer is committed together with those of others.

        A batch, and details such as reasons, which take longer than a group, are made in a thread.
        """
        if self.form == "one" and not ask.is_detailed:
            return self.serving.commits.answer(ask)
        store = self.serving.answering()
        work = partial(_commit, store, ask, has_ledger=self.serving.has_ledger)
        return in_thread(self.http, work)

    async def _ask(self, live: Live) -> RequestBatch:
        schema = self.serving.schema(self.name)
        if self.form == "one":
            rows: list[Any] = [schema.request.model_validate_json(self.body)]
        else:
            rows = schema.batch.validate_json(self.body)
        as_of = {getattr(row, "as_of", None) for row in rows}
        if len(as_of) > 1:
            raise BadInput("as_of: a batch is answered for one instant; split it", "as_of")
        requests: list[prediction.Request] = []
        for first in range(0, len(rows), PIECE_ROWS):
            if first:
                await asyncio.sleep(0)  # so that other requests get their turn
            requests += [_request(schema, row) for row in rows[first : first + PIECE_ROWS]]
        arm, predictor = self._arm(live, requests)
        options = parse_options(self.options)
        options.check(self.name, predictor.bundle.unit)
        return RequestBatch(
            predictor,
            requests,
            self.at,
            as_of.pop(),
            arm,
            options.reasons,
            self.began,
            key_id=key_id_of(self.http),
            explains_support=options.explains_support,
            levels=options.levels,
        )

    def _arm(self, live: Live, requests: list[prediction.Request]) -> tuple[str, Predictor]:
        """A batch is the champion's: it is one answer, and no draw made it so."""
        challenge = self.serving.challenges.get(self.name)
        if challenge is None or not challenge.arms.share:
            return CHAMPION, live.predictor
        if self.form == "batch":
            return UNDRAWN, live.predictor
        subject = requests[0].subject
        parts = {"actor": subject.actor, "kind": subject.kind, "scope": subject.scope}
        unit = {**parts, "execution": requests[0].source_id or ""}[challenge.arms.unit]
        if challenge.takes(self.name, unit):
            return CHALLENGER, challenge.live.predictor
        return CHAMPION, live.predictor

    async def _refused(
        self,
        live: Live | None,
        ask: RequestBatch | None,
        answer: Problem,
        *,
        is_hurried: bool = False,
    ) -> Response:
        """is_hurried: do not wait for the ledger; nor does anybody whose time is over."""
        version = self._count(live, ask, answer)
        if self.serving.store is not None:
            try:
                row = self._refusal_row(version, ask, answer)
                self._note(prediction_id=str(row.id))
                left_s = ANSWER_S + REFUSAL_S - (perf_counter() - self.began)
                if is_hurried or left_s <= 0:
                    self.serving.commits.write_later(row)
                else:
                    async with asyncio.timeout(left_s):
                        await self.serving.commits.write(row)
            except TimeoutError:
                log.warning("a refusal (%d) is not on the ledger yet", answer.status)
            except RunloreError as error:
                log.warning("a refusal (%d) is not on the ledger: %s", answer.status, error)
            except Exception:  # the client is told what was refused all the same
                log.exception("a refusal (%d) is not on the ledger", answer.status)
        return answer.response()

    def _unrecorded(
        self, live: Live | None, ask: RequestBatch | None, error: CannotWrite
    ) -> Response:
        """A refusal for want of room is not on the ledger, which has none for it either."""
        answer = problem(error)
        self._count(live, ask, answer)
        return answer.response()

    def _count(self, live: Live | None, ask: RequestBatch | None, answer: Problem) -> str | None:
        """Count a refusal; returns the version that would have answered."""
        bundle = ask.predictor.bundle if ask else live.bundle if live else None
        version = bundle.version if bundle else None
        metrics().answered(self.name, version, answer.status)
        self._observe()
        self._note(version=version or "")
        return version

    def _refusal_row(self, version: str | None, ask: RequestBatch | None, answer: Problem) -> Row:
        """With the arm and the unit, where it came so far: a rollout counts who is refused."""
        key_id = key_id_of(self.http)
        text = self.body[:KEPT_BYTES].decode(errors="replace").replace("\x00", "\ufffd")
        if ask is None or self.form == "batch":
            request = {"body": text}
            refusal = Refusal(
                self.name, version, answer.status, answer.detail, request, key_id=key_id
            )
            return refusal_row(refusal, self.at, began=self.began)
        [only] = ask.requests
        request = {**prediction.shown(only.subject), "body": text}
        parts = (only.source, only.source_id)
        refusal = Refusal(self.name, version, answer.status, answer.detail, request, *parts, key_id)
        return refusal_row(refusal, self.at, ask.arm, self.began)

    def _note(self, **fields: str) -> None:
        """Add to the log lines and to the span of this request."""
        known = {name: text for name, text in fields.items() if text}
        note_fields(**known)
        note_span(**known)

    def _observe(self, prediction_id: str = "") -> None:
        metrics().took(self.name, self.form, perf_counter() - self.began, prediction_id)


def _give_up(
    work: "asyncio.Future[list[ServedPrediction]]",
    claim: WriteOrTimeout,
    limit: asyncio.Timeout | None,
) -> None:
    """limit: of the whole request, which an answer that is being written outlives."""
    if work.done():
        return
    if claim.take("clock"):
        work.cancel()
    elif limit is not None:
        limit.reschedule(asyncio.get_running_loop().time() + COMMIT_KNOWN_S)


def _commit(store: Store | None, ask: RequestBatch, *, has_ledger: bool) -> list[ServedPrediction]:
    """As `commit`; what the ledger did not take is counted in the metrics."""
    try:
        with stages_of(current_span()):
            return commit(store, ask, has_ledger=has_ledger)
    except RunloreError:
        if has_ledger and ask.claim.is_written:
            metrics().ledger_failures.inc(len(ask.requests))
        raise


def _is_cancelled() -> bool:
    """Whether nobody waits for the request any more."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _request(schema: RequestSchema, row: BaseModel) -> prediction.Request:
    execution: str | None = getattr(row, "execution", None)
    return prediction.Request(schema.subject(row), SOURCE if execution else None, execution)
