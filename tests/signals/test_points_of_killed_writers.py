"""Writers of the same new series at once, one of which is killed."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from runlore.store.engine import Store

BATCHES = 25
WRITER = """
import sys
from datetime import datetime, timedelta
import numpy as np
from runlore.ingest.actions.points import PointBounds, record_points
from runlore.ingest.rules.points.batch import PointBatch, SeriesIdentity
from runlore.kernel.instants import to_us
from runlore.store.engine import connect

begin, batches, first = datetime.fromisoformat(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
store = connect(sys.argv[1])
for number in range(batches):
    # Series come up one after the other, so that both writers enter new ones all the time.
    series = [SeriesIdentity(f"load_{place}", "web-1") for place in range(10 + 10 * number)]
    at_us = to_us(begin + timedelta(seconds=(number + first) % batches))
    count = len(series)
    batch = PointBatch(series, np.arange(count), np.full(count, at_us), np.arange(count) + 0.5)
    done = record_points(store, "shared", batch, begin + timedelta(hours=1), PointBounds(1_000))
    assert done.recorded + done.known == count, done
    print(at_us, count, flush=True)
"""


def write(store: Store, begin: datetime, first: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, store.url, begin.isoformat(), str(BATCHES), str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(store: Store) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)  # noqa: TID251
    with write(store, begin, 0) as killed, write(store, begin, 7) as other:
        assert killed.stdout
        assert other.stdout
        acknowledged = [killed.stdout.readline() for _ in range(8)]
        killed.kill()
        acknowledged += [*killed.stdout.read().splitlines(), *other.stdout.read().splitlines()]
    assert (killed.returncode, other.returncode) == (-9, 0)
    largest: dict[int, int] = {}
    for line in acknowledged:
        at_us, count = map(int, line.split())
        largest[at_us] = max(largest.get(at_us, 0), count)
    assert len(largest) == BATCHES
    with store.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT (extract(epoch FROM at) * 1000000)::bigint, count(*), max(revision),"
                " count(DISTINCT name) FROM runlore.metrics GROUP BY at"
            )
        ).all()
        unlisted = connection.execute(
            text(
                "SELECT name FROM runlore.metrics"
                " EXCEPT SELECT name FROM runlore.series WHERE source = 'shared'"
            )
        ).all()
    stored = {at_us: count for at_us, count, _, _ in rows}
    assert all(stored[at_us] >= count for at_us, count in largest.items())
    assert all(count % 10 == 0 for count in stored.values())  # a batch is there, or nothing of it
    assert all((revision, names) == (0, count) for _, count, revision, names in rows)
    assert unlisted == []
