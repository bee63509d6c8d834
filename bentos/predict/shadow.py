"""The challenger answers what the champion answered, for nobody.

Run as `python -m bentos.predict.shadow PARENT`.

A process of its own reads what is new on the ledger and adds the challenger's answers as arm
`shadow`. It cannot break the service: whatever it does, sleeps, raises or dies, nobody waits for
it. It slows it by what it takes of a processor that others want (ADR 6). What it cannot keep up
with is dropped and counted. A worker of the service starts it, and starts it again; it ends with
that worker.
"""

import logging
import os
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from bentos.http.prometheus_metrics import metrics
from bentos.predict.live_versions import Challenge, Serving
from bentos.predict.shadow_process import YOUNG_S
from runlore import process
from runlore.features.keys import KeyParts
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.serving.actions import prediction
from runlore.serving.actions.prediction import PredictionBatch, RequestBatch
from runlore.serving.actions.refusals import Refusal, refusal_row
from runlore.serving.queries import ledger, ledger_writer
from runlore.store.engine import Store, dedicated

if TYPE_CHECKING:
    from bentos.predict.follower import Follower

Connection = psycopg.Connection[Any]
ARM = "shadow"
POLL_S = 0.5  # fewer, larger steps cost less of the processor than many
LAG = timedelta(seconds=5)  # older answers are dropped; a row may come late by as much

MOST_TOGETHER = 400
MOST_READ = 50_000
# The pause after a failure, such as a lost connection. It doubles with each failure that follows a
# try within YOUNG_S, because a new connection costs the database more than shadowing does.
RETRY_S, LONGEST_RETRY_S = 5.0, 60.0

LEADS = "SELECT pg_try_advisory_lock(hashtextextended('runlore.shadow', 0))"
NEW = """
SELECT id, at, as_of, request, source, source_id, key_id FROM runlore.ledger
WHERE spec = %s AND arm IN ('champion', 'champion-batch') AND status = 200 AND at > %s
AND id <> ALL(%b)
ORDER BY at DESC LIMIT %s
"""
SLEPT_THROUGH = """
SELECT count(*) FROM runlore.ledger
WHERE spec = %s AND arm IN ('champion', 'champion-batch') AND status = 200
AND at > %s AND at <= %s
"""

log = logging.getLogger("runlore.serving")


@dataclass
class Patience:
    """When to try again what has failed."""

    clock: Callable[[], float] = time.monotonic
    _until: float = -LONGEST_RETRY_S
    _pause_s: float = RETRY_S

    def is_over(self) -> bool:
        return self.clock() >= self._until

    def begin(self) -> float:
        """Something has failed; how many seconds it now rests."""
        now = self.clock()
        is_again = now < self._until + YOUNG_S
        self._pause_s = min(2 * self._pause_s, LONGEST_RETRY_S) if is_again else RETRY_S
        self._until = now + self._pause_s
        return self._pause_s


@dataclass
class Shadow:
    """Answers for the challengers that shadow, as far as `serving` knows them."""

    serving: Serving
    since: datetime = field(default_factory=instants.now)
    # What was answered or dropped, and when it was asked; the database leaves it out.
    _done: dict[uuid.UUID, datetime] = field(default_factory=dict)

    _looked: dict[str, datetime] = field(default_factory=dict)

    def step(self, connection: Connection) -> int:
        """Answer what is new; how many answers were added."""
        challenges = self.serving.challenges.items()
        return sum(
            self._answer(connection, spec, challenge)
            for spec, challenge in challenges
            if challenge.arms.shadow
        )

    def _answer(self, connection: Connection, spec: str, challenge: Challenge) -> int:
        now = instants.now()
        since = max(self.since, now - LAG)
        dropped = self._slept_through(connection, spec, since)
        self._done = {done_id: at for done_id, at in self._done.items() if at > since}
        cursor = connection.cursor(row_factory=dict_row)
        new = cursor.execute(NEW, (spec, since, list(self._done), MOST_READ)).fetchall()
        rows = self._rows(connection, new[:MOST_TOGETHER], challenge)
        if rows:
            self._add(connection, rows)
        self._done.update((row["id"], row["at"]) for row in new)
        self._looked[spec] = now
        metrics().shadow_dropped.labels(spec).inc(dropped + len(new) - len(rows))
        return len(rows)

    def _add(self, connection: Connection, rows: Sequence[ledger.Row]) -> None:
        try:
            ledger_writer.add(connection, rows)
        except psycopg.errors.UniqueViolation:  # the process before this one came to some of them
            ledger_writer.add_again(connection, rows)

    def _slept_through(self, connection: Connection, spec: str, since: datetime) -> int:
        """How many answers came after the last look and are too old by now."""
        last = self._looked.get(spec, since)
        if last >= since:
            return 0
        row = connection.execute(SLEPT_THROUGH, (spec, last, since)).fetchone()
        return int(row[0]) if row else 0

    def _rows(
        self,
        connection: Connection,
        answers: Sequence[dict[str, Any]],
        challenge: Challenge,
    ) -> list[ledger.Row]:
        if not answers:
            return []
        is_replay = self.serving.clock == "record"
        asks = [
            RequestBatch(
                challenge.live.predictor,
                [prediction.Request(KeyParts(**row["request"]), row["source"], row["source_id"])],
                row["at"],
                row["as_of"] if is_replay else None,
                ARM,
                key_id=row["key_id"],
            )
            for row in answers
        ]
        answered = prediction.answer(connection, asks)
        return [
            replace(self._row(ask, outcome), id=shadow_id(row["id"]))
            for row, ask, outcome in zip(answers, asks, answered, strict=True)
        ]

    def _row(self, ask: RequestBatch, answered: PredictionBatch | Exception) -> ledger.Row:
        if isinstance(answered, PredictionBatch):
            return answered.rows[0]
        bundle = ask.predictor.bundle
        detail = f"{type(answered).__name__}: {answered}"
        refusal = Refusal(bundle.spec, bundle.version, 500, detail, {}, key_id=ask.key_id)
        return refusal_row(refusal, ask.at, ARM)


def shadow_id(champion: uuid.UUID) -> uuid.UUID:
    """Of the shadow's answer to what the champion answered: the same each time.

    It begins with the champion's 48 bits of time, by which the ledger is read; a UUID of version 8.

    >>> shadow_id(uuid.UUID("019a8f00-0000-7000-8000-000000000000"))
    UUID('019a8f00-0000-8ff1-bbe3-610d910501cb')
    """
    drawn = uuid.uuid5(champion, ARM).int
    time, middle, low = champion.int >> 80, drawn >> 64 & 0xFFF, drawn & (1 << 62) - 1
    return uuid.UUID(int=time << 80 | 8 << 76 | middle << 64 | 2 << 62 | low)


def main(parent: int) -> None:
    """Follow the registry and shadow until the parent is gone, which may be so before this begins.

    parent: the process number of the worker that started this one.
    """
    from bentos.predict.follower import Follower
    from runlore.app import open_app

    process.begin("shadow")
    with open_app(delivers=False) as app:
        names = tuple(spec.name for spec in app.specs)
        follower = Follower(app, Serving(names, app.settings.clock), is_shadow=True)
        shadow, patience = Shadow(follower.serving), Patience()
        connection: Connection | None = None
        while os.getppid() == parent:
            connection = _look(follower, shadow, connection, patience)
            time.sleep(POLL_S)
        follower.close()


def _look(
    follower: "Follower", shadow: Shadow, connection: Connection | None, patience: Patience
) -> Connection | None:
    """Follow the registry and shadow what is new; the connection for the next look, if any."""
    if not patience.is_over():
        return None
    follower.step()
    store = follower.serving.store
    if store is None:
        return connection
    try:
        connection = _leading(store, connection)
        if connection is not None:
            shadow.step(connection)
    except (psycopg.Error, Unavailable) as error:
        log.warning("shadow: %s; it rests for %.0f s", error, patience.begin())
        return None
    return connection


def _leading(store: Store, connection: Connection | None) -> Connection | None:
    """A connection that holds the lock of the only shadow; None while another one is at work."""
    if connection is not None and not connection.closed:
        return connection
    with store.watched():
        connection = dedicated(store)
        row = connection.execute(LEADS).fetchone()
    if row == (True,):
        return connection
    connection.close()
    return None


if __name__ == "__main__":
    main(int(sys.argv[1]))
