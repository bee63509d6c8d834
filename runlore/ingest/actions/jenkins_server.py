"""The builds of a Jenkins server, a folder or a job, through the remote API."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from runlore.ingest.actions.api_client import ApiClient
from runlore.ingest.actions.documents import PageParser
from runlore.ingest.actions.formats import FilePiece
from runlore.ingest.queries.ingests import Mark

PAGE_ROWS = 100
JOBS = "_class,fullName,jobs[name]"
BUILDS = (
    "number,timestamp,duration,result,building,builtOn,"
    "actions[parameters[name,value],causes[shortDescription,userId,userName,upstreamProject],"
    "queuingDurationMillis]"
)

Build = Mapping[str, Any]


@dataclass
class JenkinsHistory:
    """The builds of all jobs below an address. A mark's digest holds, by job, the first build
    that may have changed: the oldest one that was still building, or the next one."""

    api: ApiClient
    parser: PageParser

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        """The builds of one job after the other; a mark is set after each."""
        floors: dict[str, int] = json.loads(after.prefix_digest or "{}")
        done = after.lines_done
        jobs = list(self._jobs("", ""))
        for number, (address, name) in enumerate(jobs, start=1):
            builds: list[Build] = []
            for page in self._pages(address, floors.get(name, 0)):
                parsed = self.parser.parse([{"fullName": name, "builds": page}], done + 1)
                done, builds = done + len(page), [*builds, *page]
                yield FilePiece(parsed, None, number, len(jobs))
            floors = floors | {name: _floor(builds, floors.get(name, 0))}
            mark = Mark(0, json.dumps(floors), done)
            yield FilePiece(self.parser.parse([], done + 1), mark, number, len(jobs))

    def _jobs(self, address: str, folder: str) -> Iterator[tuple[str, str]]:
        """Addresses and full names of the jobs at an address and in its folders."""
        item = self.api.get(f"{address}api/json", {"tree": JOBS}).json()
        if "jobs" not in item:
            yield address, item.get("fullName") or folder
            return
        for job in item["jobs"]:
            inner = f"{item.get('fullName') or folder}/{job['name']}".removeprefix("/")
            yield from self._jobs(f"{address}job/{quote(job['name'], safe='')}/", inner)

    def _pages(self, address: str, floor: int) -> Iterator[list[Build]]:
        """By the rows that were received. A new build moves others to later places, so none is
        missed; it may be read twice. It ends where no older build follows."""
        received, oldest = 0, float("inf")
        while True:
            tree = f"allBuilds[{BUILDS}]{{{received},{received + PAGE_ROWS}}}"
            rows = self.api.get(f"{address}api/json", {"tree": tree}).json().get("allBuilds") or []
            numbers = [int(build["number"]) for build in rows]
            page = [build for build in rows if floor <= int(build["number"]) < oldest]
            if page:
                yield page
            received, lowest = received + len(rows), min(numbers, default=floor)
            if lowest >= oldest or lowest <= floor:
                return
            oldest = lowest


def _floor(builds: list[Build], before: int) -> int:
    going_on = [int(build["number"]) for build in builds if build.get("building")]
    newest = max((int(build["number"]) for build in builds), default=before - 1)
    return min([newest + 1, *going_on])
