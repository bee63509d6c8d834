"""Group commit: what many clients wait for is read and written together, in two round trips.

While one group is at the database the next one gathers. An answer is given once its row is
durable; a connection that is lost on the way is opened anew, and the same rows are written again,
of which those that had arrived are not doubled.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bentos.errors import Overloaded
from bentos.line import Line
from runlore.records.errors import RunloreError, Unavailable
from runlore.store import ledger
from runlore.store.engine import Store
from runlore.store.ledger import Row
from runlore.store.months import MissingMonth
from runlore.store.partitions import ensure_months
from runlore.usecases import predict
from runlore.usecases.predict import Answer, Answered, Ask

PACE_S = 0.004
"""At least, between the beginnings of two groups: fewer and larger ones leave more of the
interpreter to those who come in."""

MOST_TOGETHER = 64
MOST_WAITING = 400
"""In one process; who asks when so many wait is turned away before all become slow."""

MOST_ROWS_WAITING = 10 * MOST_WAITING
"""Rows that say so are written all the same, which costs little."""

log = logging.getLogger("runlore.serving")


@dataclass(eq=False)
class _Item:
    """Something that a client waits for: an ask to answer, or a refusal's row."""

    work: Ask | Row
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[list[Answer]]"

    def settle(self, found: list[Answer] | Exception) -> None:
        if self.done.done():
            return
        if isinstance(found, Exception):
            self.done.set_exception(found)
        else:
            self.done.set_result(found)


@dataclass
class GroupCommit:
    """store: gives the store of the moment, or raises Unavailable.

    has_ledger: without it answers are read for together, and nothing is written.
    """

    store: Callable[[], Store]
    has_ledger: bool = True
    _waiting: deque[_Item] = field(default_factory=deque)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _is_closing: bool = False
    _thread: threading.Thread | None = None

    async def answer(self, ask: Ask) -> list[Answer]:
        """Answers that are on the ledger. Raises Overloaded, Unavailable, what answering raised."""
        return await self._enqueue(ask)

    async def write(self, row: Row) -> None:
        """Put a row on the ledger."""
        await self._enqueue(row)

    def close(self) -> None:
        """End when everything that waits is done."""
        with self._news:
            self._is_closing = True
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join()

    async def _enqueue(self, work: Ask | Row) -> list[Answer]:
        loop = asyncio.get_running_loop()
        item = _Item(work, loop, loop.create_future())
        with self._news:
            most = MOST_WAITING if isinstance(work, Ask) else MOST_ROWS_WAITING
            if len(self._waiting) >= most:
                raise Overloaded(f"{most} requests wait already; try again later")
            self._waiting.append(item)
            if self._thread is None:
                self._start()
            self._news.notify()
        return await item.done

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="group commit", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        line = Line(self.store)
        began = 0.0
        while group := self._next(began + PACE_S):
            began = time.monotonic()
            _settle(group, _commit(line, group, has_ledger=self.has_ledger))
        line.close()

    def _next(self, soonest: float) -> list[_Item]:
        """What waits, as soon as there is something, not before `soonest`; nothing at the end."""
        with self._news:
            while not self._waiting and not self._is_closing:
                self._news.wait()
        time.sleep(max(soonest - time.monotonic(), 0.0))
        with self._news:
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]


def _commit(line: Line, group: list[_Item], *, has_ledger: bool) -> list[list[Answer] | Exception]:
    """What each item comes to; its rows are durable then."""
    try:
        asks = [item.work for item in group if isinstance(item.work, Ask)]
        answered = iter(line.use(lambda found: predict.answer(found, asks)) if asks else [])
        results = [next(answered) if isinstance(i.work, Ask) else _row(i.work) for i in group]
        rows = [row for each in results if isinstance(each, Answered) for row in each.rows]
        if rows and has_ledger:
            _write(line, rows)
        return [each if isinstance(each, Exception) else each.answers for each in results]
    except RunloreError as error:
        return [error] * len(group)
    except Exception as error:  # the edge of the thread: it must live on
        log.exception("group commit")
        return [error] * len(group)


def _row(row: Row) -> Answered:
    return Answered([], [row])


def _write(line: Line, rows: list[Row]) -> None:
    try:
        line.once(lambda connection: ledger.add(connection, rows))
    except Unavailable:
        line.once(lambda connection: ledger.add_again(connection, rows))
    except MissingMonth:
        instants = [row.at for row in rows]
        with line.store().connect() as connection:
            ensure_months(connection, "ledger", min(instants), max(instants))
        line.use(lambda connection: ledger.add_again(connection, rows))


def _settle(group: list[_Item], results: Iterable[list[Answer] | Exception]) -> None:
    """Tell the event loop, once for all."""
    pairs = list(zip(group, results, strict=True))

    def tell() -> None:
        for item, found in pairs:
            item.settle(found)

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        group[0].loop.call_soon_threadsafe(tell)
