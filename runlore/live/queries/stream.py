"""Number events, read them, and cut old ones.

One row, `live_stream`, is locked while numbers are given: they follow the order of commits, and a
transaction that fails leaves no gap. Whoever reads sees a number only when all before it are there.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from runlore.live.rules.stream import LiveEvent, StreamEnds
from runlore.store import notices

NUMBERED_AT_ONCE = 2000
HAS_WAITING = text("SELECT EXISTS (SELECT FROM runlore.live_outbox)")
CREATE = text("""
INSERT INTO runlore.live_stream (id, name, last, cut, cut_at, rates_at)
VALUES (1, substr(replace(gen_random_uuid()::text, '-', ''), 1, 10), 0, 0, now(), now())
ON CONFLICT DO NOTHING
""")
LOCK = text("SELECT name, last, cut FROM runlore.live_stream WHERE id = 1 FOR UPDATE")
NUMBER = text("""
WITH taken AS (
    DELETE FROM runlore.live_outbox
    WHERE id IN (SELECT id FROM runlore.live_outbox ORDER BY id LIMIT :most)
    RETURNING id, at, topic, subject, data
), sizes AS (
    SELECT topic, count(*) AS size FROM taken GROUP BY topic
), counted AS (
    INSERT INTO runlore.live_topics AS topics (topic, last) SELECT topic, size FROM sizes
    ON CONFLICT (topic) DO UPDATE SET last = topics.last + excluded.last
    RETURNING topic, last
), added AS (
    INSERT INTO runlore.live_events (seq, at, topic, topic_seq, subject, data)
    SELECT :last + row_number() OVER (ORDER BY id), at, topic,
        counted.last - size + row_number() OVER (PARTITION BY topic ORDER BY id), subject, data
    FROM taken JOIN sizes USING (topic) JOIN counted USING (topic)
    RETURNING seq
)
SELECT count(*) FROM added
""")
ADVANCE = text("UPDATE runlore.live_stream SET last = last + :count WHERE id = 1")
ENDS = text("SELECT name, last, cut FROM runlore.live_stream WHERE id = 1")
READ = text("""
SELECT stream.name, stream.last, stream.cut, events.* FROM runlore.live_stream AS stream
LEFT JOIN LATERAL (
    SELECT seq, topic, topic_seq, subject, at, data FROM runlore.live_events
    WHERE seq > :after AND (:every OR topic = ANY(:topics))
    ORDER BY seq LIMIT :most
) AS events ON true
WHERE stream.id = 1 ORDER BY events.seq
""")
CUT_DUE = text("""
UPDATE runlore.live_stream SET cut_at = clock_timestamp()
WHERE id = 1 AND cut_at < clock_timestamp() - make_interval(secs => :pause_s)
RETURNING last, cut
""")
TOO_OLD = text("SELECT max(seq) FROM runlore.live_events WHERE at < :before")
DELETE = text("DELETE FROM runlore.live_events WHERE seq <= :upto")
SET_CUT = text("UPDATE runlore.live_stream SET cut = greatest(cut, :upto) WHERE id = 1")


def has_waiting(connection: Connection) -> bool:
    """Whether events wait for their numbers."""
    return bool(connection.scalar(HAS_WAITING))


def lock(connection: Connection) -> StreamEnds:
    """Be the only one who changes the stream until the transaction ends."""
    row = connection.execute(LOCK).one_or_none()
    if row is None:
        connection.execute(CREATE)
        row = connection.execute(LOCK).one()
    return StreamEnds(*row)


def number(connection: Connection) -> int:
    """Give the waiting events their numbers, some at once. Returns how many got one.

    The statement that takes them begins after the lock is ours: it sees what was committed before.
    """
    ends = lock(connection)
    parameters = {"most": NUMBERED_AT_ONCE, "last": ends.last}
    count: int = connection.execute(NUMBER, parameters).scalar_one()
    if count:
        connection.execute(ADVANCE, {"count": count})
        notices.notify(connection, notices.EVENTS, "")
    return count


def read_ends(connection: Connection) -> StreamEnds:
    row = connection.execute(ENDS).one_or_none()
    return lock(connection) if row is None else StreamEnds(*row)


def read_after(
    connection: Connection, after: int, topics: Sequence[str], most: int
) -> tuple[StreamEnds, list[LiveEvent]]:
    """Events with higher numbers, the lowest first, and the ends of the stream at that instant.

    topics: none means all of them.
    """
    parameters = {"after": after, "topics": list(topics), "every": not topics, "most": most}
    rows = connection.execute(READ, parameters).all()
    if not rows:
        return lock(connection), []
    name, last, cut = rows[0][:3]
    events = [LiveEvent(*row[3:]) for row in rows if row.seq is not None]
    return StreamEnds(name, last, cut), events


def cut(connection: Connection, rows: int, before: datetime, pause_s: float) -> int | None:
    """Delete what is too much or too old, unless somebody has just looked.

    Returns the highest number that is gone; None when it was not looked.
    """
    row = connection.execute(CUT_DUE, {"pause_s": pause_s}).one_or_none()
    if row is None:
        return None
    old: int | None = connection.scalar(TOO_OLD, {"before": before})
    upto: int = max(row.last - rows, old or 0)
    if upto > row.cut:
        connection.execute(DELETE, {"upto": upto})
        connection.execute(SET_CUT, {"upto": upto})
    gone: int = max(upto, row.cut)
    return gone
