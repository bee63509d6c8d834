"""The feature vectors on the ledger, by column."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from numpy.typing import NDArray

from runlore.store.engine import Store

ARMS = ["champion", "champion-batch", "challenger", "shadow"]
ELEMENT = np.dtype([("bytes", ">i4"), ("value", ">f4")])
HEADER_BYTES = 20
GIVEN = """
FROM runlore.ledger WHERE spec = %(spec)s AND arm = ANY(%(arms)s) AND status = 200
AND at >= %(since)s AND at < coalesce(%(until)s::timestamptz, 'infinity')
"""
VERSIONS = f"SELECT DISTINCT version {GIVEN} AND version IS NOT NULL ORDER BY 1"
READ = f"""
SELECT id::text, (extract(epoch FROM as_of) * 1000000)::bigint, request ->> 'actor',
    request ->> 'kind', request ->> 'scope', request ->> 'inputs', array_send(features)
{GIVEN} AND version = %(version)s
"""  # noqa: S608  (constants of ours)
COLUMNS = ("id", "as_of_us", "actor", "kind", "scope", "inputs")


@dataclass(frozen=True, eq=False)
class Vectors:
    """requests: COLUMNS of n answers. sent: their vectors as PostgreSQL sends them, or None."""

    requests: pd.DataFrame
    sent: list[bytes | None]

    @property
    def widths(self) -> NDArray[np.int64]:
        """(n,): how many features each has; 0 for none."""
        lengths = [
            0 if vector is None else max(len(vector) - HEADER_BYTES, 0) for vector in self.sent
        ]
        return np.array(lengths, dtype=np.int64) // ELEMENT.itemsize

    def rows(self, chosen: NDArray[np.bool_], width: int) -> NDArray[np.float32]:
        """(m, width): the vectors of the m chosen answers, which have that width."""
        body = b"".join(
            vector[HEADER_BYTES:]
            for vector, is_it in zip(self.sent, chosen, strict=True)
            if is_it and vector
        )
        numbers = np.frombuffer(body, ELEMENT)["value"].astype(np.float32)
        return numbers.reshape(-1, width)


def versions(store: Store, spec: str, since: datetime, until: datetime | None) -> list[str]:
    """List the versions that answered in that time."""
    with store.connect() as connection:
        rows = connection.execute(VERSIONS, _parameters(spec, since, until))
        return [version for (version,) in rows]


def read(store: Store, spec: str, version: str, since: datetime, until: datetime | None) -> Vectors:
    """Read the vectors that a version served in that time."""
    with store.connect() as connection:
        cursor: psycopg.Cursor[Any] = connection.cursor(binary=True)
        cursor.execute(READ, {**_parameters(spec, since, until), "version": version})
        rows = cursor.fetchall()
    requests = pd.DataFrame([row[:-1] for row in rows], columns=list(COLUMNS))
    return Vectors(requests.astype({"as_of_us": np.int64}), [row[-1] for row in rows])


def _parameters(spec: str, since: datetime, until: datetime | None) -> dict[str, Any]:
    return {"spec": spec, "arms": ARMS, "since": since, "until": until}
