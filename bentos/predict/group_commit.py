"""Group commit: what many clients wait for is read and written together, in two round trips.

While one group is at the database the next one gathers, all on the event loop: threads would
wait for each other's turn at the interpreter. An answer is given once its row is durable; a
connection that is lost on the way is opened anew, and the same rows are written again, of which
those that had arrived are not doubled.
"""

import asyncio
import contextvars
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from bentos.http.connection import AsyncStoreConnection
from bentos.http.errors import Overloaded
from bentos.http.prometheus_metrics import metrics
from runlore.kernel.errors import CannotWrite, RunloreError, Stalled, Unavailable, Unsettled
from runlore.kernel.spans import Span, Stages, collected, current_span, stage
from runlore.serving.actions import prediction
from runlore.serving.actions.prediction import PredictionBatch, RequestBatch, ServedPrediction
from runlore.serving.queries import answering, ledger_writer
from runlore.serving.queries.answering import AsyncConnection
from runlore.serving.queries.feature_states import Floats, Name
from runlore.serving.queries.ledger import Row
from runlore.store.engine import Store
from runlore.store.months import MissingMonth
from runlore.store.partitions import ensure_months

# The pause between the beginnings of two groups, for each member of the first. From 1,000 answers
# a second on, groups are fewer and larger, which costs less; a single client hardly waits.
PACE_S, LONGEST_PACE_S = 0.001, 0.002

MOST_TOGETHER = 64
MOST_WAITING = 400  # requests in one process; more are refused before all become slow
MOST_ROWS_WAITING = 10 * MOST_WAITING  # rows of such refusals are still written; they cost little

log = logging.getLogger("runlore.serving")


@dataclass(eq=False)
class _Item:
    """Something that a client waits for: an ask to answer, or a refusal's row."""

    work: RequestBatch | Row
    done: "asyncio.Future[list[ServedPrediction]]"
    span: Span | None = field(default_factory=current_span)
    since_ns: int = field(default_factory=time.time_ns)

    def may_be_written(self) -> bool:
        """Not once its time is over, or nobody waits; a row is written whoever waits."""
        if isinstance(self.work, Row):
            return True
        return not self.done.done() and self.work.claim.take("ledger")

    def add_stages(self, taken_ns: int, stages: Stages) -> None:
        """Add how long it waited, and what its group did, to the span of its request."""
        if self.span is not None:
            wait = ("wait for the group", self.since_ns, taken_ns)
            self.span.add_stages(Stages([wait, *stages.measured]))

    def settle(self, outcomes: PredictionBatch | Exception) -> None:
        if self.done.done():  # nobody waits any more
            return
        if isinstance(outcomes, Exception):
            self.done.set_exception(outcomes)
        else:
            self.done.set_result(outcomes.answers)


@dataclass
class GroupCommit:
    """Lives on one event loop.

    store: gives the store of the moment, or raises Unavailable; None: there is none on purpose.
    Then what arrives together is still answered together, which costs less.
    has_ledger: without it answers are read for together, and nothing is written.
    """

    store: Callable[[], Store] | None
    has_ledger: bool = True
    _waiting: deque[_Item] = field(default_factory=deque)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _is_closing: bool = False
    _has_room: bool = True
    _task: "asyncio.Task[None] | None" = None

    def answer(self, ask: RequestBatch) -> "asyncio.Future[list[ServedPrediction]]":
        """Answers that are on the ledger. Raises Overloaded; the future Unavailable, or what
        answering raised."""
        return self._enqueue(ask)

    async def write(self, row: Row) -> None:
        """Put a row on the ledger, also when who waits for it gives up."""
        done = self._enqueue(row)
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            done.add_done_callback(_log_failure)
            raise

    def write_later(self, row: Row) -> None:
        """As `write`, but nobody waits for it; what goes wrong with it later is in the log."""
        self._enqueue(row).add_done_callback(_log_failure)

    async def close(self) -> None:
        """End when everything that waits is done."""
        self._is_closing = True
        self._news.set()
        if self._task is not None:
            await self._task

    def _enqueue(self, work: RequestBatch | Row) -> "asyncio.Future[list[ServedPrediction]]":
        most = MOST_WAITING if isinstance(work, RequestBatch) else MOST_ROWS_WAITING
        if len(self._waiting) >= most:
            self._waiting = deque(item for item in self._waiting if not item.done.done())
        if len(self._waiting) >= most:
            raise Overloaded(f"{most} requests wait already; try again later")
        item = _Item(work, asyncio.get_running_loop().create_future())
        self._waiting.append(item)
        if self._task is None:
            nobody = contextvars.Context()  # not that of the request that happens to be first
            self._task = asyncio.create_task(self._run(), name="group commit", context=nobody)
        self._news.set()
        return item.done

    async def _run(self) -> None:
        database = None if self.store is None else AsyncStoreConnection(self.store)
        soonest = 0.0
        try:
            while group := await self._next(soonest):
                if database is not None:
                    soonest = time.monotonic() + min(PACE_S * len(group), LONGEST_PACE_S)
                taken_ns = time.time_ns()
                metrics().grouped(len(group))
                with collected() as stages:
                    outcomes = await _committed(database, group, has_ledger=self.has_ledger)
                self._log_room(outcomes)
                for item, outcome in zip(group, outcomes, strict=True):
                    if stages is not None:
                        item.add_stages(taken_ns, stages)
                    item.settle(outcome)
        finally:
            if database is not None:
                await database.close()

    def _log_room(self, outcomes: list[PredictionBatch | Exception]) -> None:
        """Once when the ledger can no longer be written, and once when it can again."""
        full = next((error for error in outcomes if isinstance(error, CannotWrite)), None)
        if full is not None and self._has_room:
            log.error("requests are refused: %s", full)
        elif full is None and not self._has_room:
            log.warning("the ledger can be written again")
        self._has_room = full is None

    async def _next(self, soonest: float) -> list[_Item]:
        """What waits, as soon as there is something, not before `soonest`; nothing at the end."""
        while self._waiting or not self._is_closing:
            if not self._waiting:
                self._news.clear()
                await self._news.wait()
                continue
            early_s = soonest - time.monotonic()
            if early_s > 0 or len(self._waiting) > 1:  # then there are more to come
                await asyncio.sleep(max(early_s, 0.0))
            if group := self._taken():
                return group
        return []

    def _taken(self) -> list[_Item]:
        """The first of what waits, without what nobody waits for any more."""
        group: list[_Item] = []
        while self._waiting and len(group) < MOST_TOGETHER:
            item = self._waiting.popleft()
            if not item.done.done():
                group.append(item)
        return group


def _log_failure(done: "asyncio.Future[list[ServedPrediction]]") -> None:
    error = None if done.cancelled() else done.exception()
    if error is not None:
        log.warning("a row is not on the ledger: %s", error)


async def _committed(
    database: AsyncStoreConnection | None, group: list[_Item], *, has_ledger: bool
) -> list[PredictionBatch | Exception]:
    """What each item comes to; its rows are durable then."""
    try:
        outcomes = await _answered(database, [item.work for item in group])
        rows = [
            row
            for item, outcome in zip(group, outcomes, strict=True)
            if isinstance(outcome, PredictionBatch) and item.may_be_written()
            for row in outcome.rows
        ]
        if rows and has_ledger and database is not None:
            await _write_counted(database, rows)
    except RunloreError as error:
        return [error] * len(group)
    except Exception as error:  # the edge of the task: it must live on
        if len(group) > 1:  # it may be the fault of one
            alone = [await _committed(database, [item], has_ledger=has_ledger) for item in group]
            return [outcome for outcomes in alone for outcome in outcomes]
        log.exception("group commit")
        return [error]
    return outcomes


async def _answered(
    database: AsyncStoreConnection | None, works: list[RequestBatch | Row]
) -> list[PredictionBatch | Exception]:
    asks = [work for work in works if isinstance(work, RequestBatch)]
    if not asks:
        answers = []
    elif database is None:
        answers = prediction.answer_alone(asks)
    else:
        answers = await database.use(
            lambda connection: prediction.answer_async(partial(_read_counted, connection), asks)
        )
    following = iter(answers)
    return [
        PredictionBatch([], [work]) if isinstance(work, Row) else next(following) for work in works
    ]


async def _read_counted(
    connection: AsyncConnection, names: set[Name]
) -> tuple[dict[Name, Floats], datetime]:
    """As `answering.read_states`; its time, and which histories are known, are in the metrics."""
    began = time.perf_counter()
    states, now = await answering.read_states(connection, names)
    metrics().used_database("read_states", time.perf_counter() - began)
    metrics().looked_up(metrics().state_lookups, len(states), len(names) - len(states))
    return states, now


async def _write_counted(database: AsyncStoreConnection, rows: list[Row]) -> None:
    """As `_write`; rows that were not written, or nobody knows, are counted in the metrics."""
    began = time.perf_counter()
    try:
        with stage("ledger commit"):
            await _write(database, rows)
        metrics().used_database("write_ledger", time.perf_counter() - began)
    except Exception:  # counted, and raised again
        metrics().ledger_failures.inc(len(rows))
        raise


async def _write(database: AsyncStoreConnection, rows: list[Row]) -> None:
    """Raises Stalled or CannotWrite when no row is there; Unsettled when nobody knows."""
    try:
        await database.once(lambda connection: ledger_writer.add_async(connection, rows))
    except (Stalled, CannotWrite):
        raise
    except MissingMonth:
        await asyncio.to_thread(_write_again, database.store(), rows)
    except Unavailable as lost:
        try:
            await asyncio.to_thread(_write_again, database.store(), rows)
        except Unavailable as error:
            raise Unsettled(str(error)) from error
        except Exception as error:  # they may be there: to answer anew would double them
            log.exception("group commit, again")
            raise Unsettled(str(lost)) from error


def _write_again(store: Store, rows: list[Row]) -> None:
    instants = [row.at for row in rows]
    with store.connect() as connection:
        ensure_months(connection, "ledger", min(instants), max(instants))
    with store.connect() as connection:
        ledger_writer.add_again(connection, rows)
