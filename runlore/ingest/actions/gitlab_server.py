"""The jobs of a GitLab project, through the REST API."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from runlore.ingest.actions.api_client import ApiClient
from runlore.ingest.actions.documents import PageParser
from runlore.ingest.actions.formats import FilePiece
from runlore.ingest.queries.ingests import Mark
from runlore.kernel.instants import parse

PAGE_ROWS = 100
OVER = ("success", "failed", "canceled", "skipped")
# A job that is older and has not ended is not waited for.
OLDEST_OPEN = timedelta(days=30)

Job = Mapping[str, Any]


@dataclass
class GitlabHistory:
    """A project's jobs, the newest first. at: now.

    The client's base is the address of the project in the API. A mark's digest holds the first id
    that may have changed: of the oldest job that had not ended, or of the next one.
    """

    api: ApiClient
    parser: PageParser
    at: datetime

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        """The pages down to the mark's id; only the last piece carries the next mark."""
        floor = int(json.loads(after.prefix_digest)["floor"]) if after.prefix_digest else 0
        done, highest, lowest_open = after.lines_done, floor - 1, None
        for page in self._pages(floor):
            parsed = self.parser.parse(page, done + 1)
            done += len(page)
            highest = max([highest, *(int(job["id"]) for job in page)])
            ids = [int(job["id"]) for job in page if self._is_open(job)]
            lowest_open = min([*ids, *([] if lowest_open is None else [lowest_open])], default=None)
            yield FilePiece(parsed, None, done, done)
        next_floor = highest + 1 if lowest_open is None else lowest_open
        mark = Mark(0, json.dumps({"floor": next_floor}), done)
        yield FilePiece(self.parser.parse([], done + 1), mark, done, done)

    def _is_open(self, job: Job) -> bool:
        return job["status"] not in OVER and parse(job["created_at"]) > self.at - OLDEST_OPEN

    def _pages(self, floor: int) -> Iterator[list[Job]]:
        """By the server's own next link; new jobs move others to later pages, so none is missed."""
        response, number = self._first(), 1
        while True:
            rows = response.json()
            page = [job for job in rows if int(job["id"]) >= floor]
            if page:
                yield page
            if len(page) < len(rows) or not rows:
                return
            number += 1
            following = self._next(response, number)
            if following is None:
                return
            response = following

    def _first(self) -> httpx.Response:
        """By keyset where the server has it for jobs, else by the number of the page."""
        keyset = {"pagination": "keyset", "order_by": "id", "sort": "desc", "per_page": PAGE_ROWS}
        response = self.api.find("jobs", keyset)
        return self.api.get("jobs", {"per_page": PAGE_ROWS}) if response is None else response

    def _next(self, response: httpx.Response, number: int) -> httpx.Response | None:
        link = response.links.get("next")
        if link is not None:
            return self.api.get(link["url"])
        has_links = "link" in response.headers or "x-next-page" in response.headers
        if has_links and not response.headers.get("x-next-page"):
            return None
        return self.api.get("jobs", {"per_page": PAGE_ROWS, "page": number})
