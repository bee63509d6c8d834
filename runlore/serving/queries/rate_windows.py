"""Rate limits: one row per caller and minute, of which workers lease chunks.

A worker writes once for a chunk of requests, not for each. What it has leased and does not use
before the minute ends is lost, and nothing is granted twice: never are more let in than the limit.
A chunk is at most a thousandth of the limit, and one request when little is left, so that what
idle workers hold is less than 1 % of it. Minutes are those of the database's clock, the same for
all hosts. The table is unlogged: a crash of PostgreSQL begins the minute anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

# A chunk is at most these parts of the limit and of what is left of it.
OF_LIMIT, OF_REST = 1000, 64

CHUNK = f"""greatest(0, least(
    %(limit)s::bigint - known.granted,
    greatest(1, %(wanted)s, least(%(limit)s / {OF_LIMIT}, (%(limit)s - known.granted) / {OF_REST}))
))"""
LEASE = f"""
INSERT INTO runlore.rate_windows AS known (minute, bucket, granted, chunk)
VALUES (date_trunc('minute', clock_timestamp()), %(bucket)s, %(first)s, %(first)s)
ON CONFLICT (minute, bucket) DO UPDATE SET granted = known.granted + {CHUNK}, chunk = {CHUNK}
RETURNING chunk, granted,
    extract(epoch FROM minute + interval '1 minute' - clock_timestamp())::float8
"""  # noqa: S608  (numbers of ours)
FORGET = """
DELETE FROM runlore.rate_windows WHERE (minute, bucket) IN (
    SELECT minute, bucket FROM runlore.rate_windows
    WHERE minute < clock_timestamp() - interval '2 minutes'
    LIMIT 10000 FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class RateLease:
    """chunk: requests that may be let in; 0: nothing is left. rest: that nobody has leased yet.

    left_s: until the minute ends, from when the statement ended.
    """

    chunk: int
    rest: int
    left_s: float


def lease(connection: Connection, limit: int, wanted: Mapping[str, int]) -> dict[str, RateLease]:
    """Lease requests for each bucket; `wanted` maps a bucket to the requests that wait.

    limit: requests per minute and bucket. Buckets are taken in one order: workers do not deadlock.
    """
    buckets = sorted(wanted)
    leases = {}
    parameters = [_lease_parameters(name, limit, wanted[name]) for name in buckets]
    with connection.cursor() as cursor:
        cursor.executemany(LEASE, parameters, returning=True)
        for bucket in buckets:
            chunk, granted, left_s = cursor.fetchone() or (0, limit, 0.0)
            leases[bucket] = RateLease(chunk, max(0, limit - granted), left_s)
            cursor.nextset()
    return leases


def forget(connection: Connection) -> None:
    """Remove minutes that are over."""
    connection.execute(FORGET)


def _lease_parameters(bucket: str, limit: int, wanted: int) -> dict[str, str | int]:
    first = min(limit, max(1, wanted, limit // OF_LIMIT))
    return {"bucket": bucket, "limit": limit, "wanted": wanted, "first": first}
