"""The task instances of an Airflow server, through its REST API (version 1 or 2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from runlore.ingest.actions.api_client import ApiClient
from runlore.ingest.actions.documents import PageParser
from runlore.ingest.actions.formats import FilePiece
from runlore.ingest.queries.ingests import Mark
from runlore.kernel.errors import Unavailable
from runlore.kernel.instants import parse

PAGE_ROWS = 100
# Task instances that changed this long before the last import are read again: clocks differ.
OVERLAP = timedelta(minutes=10)
MAX_PASSES = 5

Instance = Mapping[str, Any]


@dataclass
class AirflowHistory:
    """A server's task instances and their earlier tries. at: now.

    A mark's digest is when the last import began: later ones read what was changed since.
    """

    api: ApiClient
    parser: PageParser
    at: datetime
    _version: str = ""
    _has_tries: bool = True
    _read: set[int] = field(default_factory=set)

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        """The pages; only the last piece carries the mark, so a partial history is read again."""
        done = after.lines_done
        self._version = self._find_version()
        for page, total in self._complete(after.prefix_digest):
            rows = [*page, *(earlier for row in page for earlier in self._earlier(row))]
            parsed = self.parser.parse(rows, done + 1)
            done += len(rows)
            yield FilePiece(parsed, None, len(self._read), max(total, len(self._read)))
        nothing = self.parser.parse([], done + 1)
        yield FilePiece(nothing, Mark(0, self.at.isoformat(), done), done, done)

    def _complete(self, seen: str) -> Iterator[tuple[list[Instance], int]]:
        """Pages, again from the first if rows were deleted meanwhile, until none can be missing."""
        for _ in range(MAX_PASSES):
            read: set[int] = set()
            total, has_shrunk = 0, False
            for page, current in self._pages(seen):
                total, has_shrunk = current, has_shrunk or current < total
                read |= {_key(row) for row in page}
                yield [row for row in page if _key(row) not in self._read], total
                self._read |= read
            if len(read) >= total and not has_shrunk:
                return
        raise Unavailable(
            f"{self.api.name}: task instances are deleted faster than they can be read; try again"
        )

    def _pages(self, seen: str) -> Iterator[tuple[list[Instance], int]]:
        """By the rows that were received, since a server may send fewer than it is asked for."""
        offset = 0
        while True:
            answer = self.api.get(self._address("~", "~"), self._query(seen, offset)).json()
            page, total = answer["task_instances"], int(answer["total_entries"])
            yield page, total
            offset += len(page)
            if not page or offset >= total:
                return

    def _query(self, seen: str, offset: int) -> dict[str, Any]:
        query: dict[str, Any] = {"limit": PAGE_ROWS, "offset": offset}
        if self._version == "v2":
            query["order_by"] = "id"
        if seen:
            query["updated_at_gte"] = (parse(seen) - OVERLAP).isoformat()
        return query

    def _earlier(self, row: Instance) -> Iterator[Instance]:
        """The tries before the one that the list has, from version 2.10 on."""
        last = int(row.get("try_number") or 0)
        if last < 2 or not self._has_tries:
            return
        address = self._address(row["dag_id"], row["dag_run_id"]) + "/" + _quoted(row["task_id"])
        if (index := int(row.get("map_index", -1))) >= 0:
            address += f"/{index}"
        answer = self.api.find(f"{address}/tries")
        if answer is None:  # The DAG run is gone, or the server is older than 2.10.
            self._has_tries = self._version == "v2"
            return
        yield from (
            earlier for earlier in answer.json()["task_instances"] if earlier["try_number"] != last
        )

    def _address(self, dag_id: str, run_id: str) -> str:
        return f"api/{self._version}/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}/taskInstances"

    def _find_version(self) -> str:
        return "v1" if self.api.find("api/v2/version") is None else "v2"


def _key(row: Instance) -> int:
    return hash(tuple(row.get(name) for name in ("dag_id", "dag_run_id", "task_id", "map_index")))


def _quoted(name: str) -> str:
    return quote(name, safe="~")
