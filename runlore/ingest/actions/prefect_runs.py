"""The flow runs of a Prefect server, page by page, through its REST API."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from runlore.ingest.actions.formats import FilePiece
from runlore.ingest.queries.ingests import Mark
from runlore.kernel.errors import Unavailable, one_line
from runlore.kernel.instants import parse
from runlore.records.formats import prefect
from runlore.records.formats.prefect import FINAL_STATES, OPEN_STATES, FlowNames, Run
from runlore.web.prefect_login import NO_TOKENS, csrf_headers

PAGE_RUNS = 200
# Runs that ended this long before the last one seen are read again: clocks differ.
OVERLAP = timedelta(minutes=10)

TIMEOUT_S = 30.0


@dataclass
class PrefectHistory:
    """A server's flow runs and the names that they refer to, each requested once.

    at: now. A mark's digest is when the latest run that is known ended. What may have changed
    since: runs that ended after it, and runs that have not ended.
    """

    client: httpx.Client
    source: str
    at: datetime
    _token: dict[str, str] | None = None
    _flows: dict[str, str] = field(default_factory=dict)
    _deployments: dict[str, str] = field(default_factory=dict)

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        """The pages; only the last piece carries the mark, so a partial history is read again."""
        done, latest = after.lines_done, after.prefix_digest
        for query in self._queries(latest):
            total = done + self._count(query)
            for page in self._pages(query):
                names = self._names(page)
                parsed = prefect.parse(page, done + 1, self.source, names)
                done += len(page)
                latest = max([latest, *(run["end_time"] or "" for run in page)])
                yield FilePiece(parsed, None, done, max(total, done))
        nothing = prefect.parse([], done + 1, self.source, self._names([]))
        yield FilePiece(nothing, Mark(0, latest, done), done, done)

    def _queries(self, seen_until: str) -> list[dict[str, Any]]:
        """Open runs first: one that ends meanwhile is among those that ended."""
        ended: dict[str, Any] = {"state": {"type": {"any_": sorted(FINAL_STATES)}}}
        if seen_until:
            ended["end_time"] = {"after_": (parse(seen_until) - OVERLAP).isoformat()}
        is_due = {"before_": self.at.isoformat()}
        still_open = {"state": {"type": {"any_": list(OPEN_STATES)}}, "expected_start_time": is_due}
        return [still_open, ended]

    def _pages(self, query: Mapping[str, Any]) -> Iterator[list[Run]]:
        """By expected start: a page begins where the last one ended, also when runs come and go.

        Runs that share an instant come in any order, another one each time: those that were read
        are excluded by id.
        """
        start: str | None = None
        read: list[str] = []
        while True:
            page_query = {**query, "id": {"not_any_": read}} if read else dict(query)
            if start is not None:
                page_query["expected_start_time"] = {
                    **query.get("expected_start_time", {}),
                    "after_": start,
                }
            page = self._post("/flow_runs/filter", _request(page_query))
            if page:
                yield page
            if len(page) < PAGE_RUNS:
                return
            last = page[-1]["expected_start_time"]
            at_last = [run["id"] for run in page if run["expected_start_time"] in (last, None)]
            read = [*read, *at_last] if last in (start, None) else at_last
            start = last or start

    def _count(self, query: Mapping[str, Any]) -> int:
        return int(self._post("/flow_runs/count", {"flow_runs": query}))

    def _names(self, page: list[Run]) -> FlowNames:
        self._learn("flows", self._flows, {run["flow_id"] for run in page})
        wanted = {run["deployment_id"] for run in page if run["deployment_id"]}
        self._learn("deployments", self._deployments, wanted)
        return FlowNames(self._flows, self._deployments)

    def _learn(self, what: str, known: dict[str, str], wanted: set[str]) -> None:
        """Request the names that are not known yet; a deleted one becomes the empty text."""
        missing = sorted(wanted - known.keys())
        if not missing:
            return
        rows = self._post(f"/{what}/filter", {what: {"id": {"any_": missing}}})
        known |= dict.fromkeys(missing, "") | {row["id"]: row["name"] for row in rows}

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401  (JSON)
        url = f"{str(self.client.base_url).rstrip('/')}{path}"
        try:
            if self._token is None:
                self._token = self._ask_for_token()
            answer = self.client.post(path, json=body, headers=self._token)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            said = f"{error.response.status_code} {error.response.text[:200]}"
            raise Unavailable(f"Prefect at {url} answered {said}") from error
        except httpx.HTTPError as error:
            raise Unavailable(f"Prefect at {url}: {one_line(error)}; is the server up?") from error
        return answer.json()

    def _ask_for_token(self) -> dict[str, str]:
        """What shows that a request comes from no other page; a server may not ask for it."""
        name = uuid.uuid4().hex
        answer = self.client.get("/csrf-token", params={"client": name})
        if answer.status_code in NO_TOKENS:
            return {}
        return csrf_headers(name, answer.raise_for_status().json())


def _request(query: Mapping[str, Any]) -> dict[str, Any]:
    return {"flow_runs": query, "sort": "EXPECTED_START_TIME_ASC", "limit": PAGE_RUNS}
