"""The runs and jobs of a repository's GitHub Actions, through the REST API."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from runlore.ingest.actions.api_client import ApiClient
from runlore.ingest.actions.documents import PageParser
from runlore.ingest.actions.formats import FilePiece
from runlore.ingest.queries.ingests import Mark
from runlore.kernel.instants import parse

PAGE_ROWS = 100
MAX_SEARCH_RESULTS = 1_000  # GitHub returns no more of a search, whatever it has
PIECE_RUNS = 20
FIRST = datetime(2018, 10, 1, tzinfo=UTC)  # GitHub Actions began
RERUNS = timedelta(days=35)  # a run can be run again for 30 days
OVERLAP = timedelta(minutes=10)
SECOND = timedelta(seconds=1)

Run = Mapping[str, Any]
Job = Mapping[str, Any]


@dataclass(frozen=True)
class GithubProgress:
    """How far imports got: all runs created until `done` are read.

    since: when the import that is under way began; empty when there is none. seen: when the one
    before it began: a run that was not updated since has not changed. All are ISO 8601.
    """

    done: str = FIRST.isoformat()
    since: str = ""
    seen: str = ""

    @classmethod
    def of(cls, mark: Mark) -> "GithubProgress":
        return cls(**json.loads(mark.prefix_digest)) if mark.prefix_digest else cls()

    def mark(self, rows: int) -> Mark:
        return Mark(0, json.dumps(asdict(self)), rows)


@dataclass
class GithubHistory:
    """A repository's runs, their attempts and their jobs. at: now.

    The client's base is the address of the repository in the API. Runs are searched by when they
    were created, a range at a time; a mark is set after each group of runs.
    """

    api: ApiClient
    parser: PageParser
    at: datetime

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        """All runs at first; later those that were updated, and may have been run again."""
        done, progress = after.lines_done, GithubProgress.of(after)
        begin = parse(progress.done)
        if not progress.since:
            begin = max(begin - RERUNS, FIRST) if progress.seen else begin
            progress = replace(progress, since=self.at.isoformat())
        for end, runs in self._groups(begin):
            changed = [run for run in runs if self._may_have_changed(run, progress)]
            rows = [row for run in changed for row in self._rows(run)]
            parsed = self.parser.parse(rows, done + 1)
            done += len(rows)
            progress = replace(progress, done=end.isoformat())
            shown = int((end - begin).total_seconds()), int((self.at - begin).total_seconds())
            yield FilePiece(parsed, progress.mark(done), *shown)
        finished = GithubProgress(self.at.isoformat(), "", progress.since)
        yield FilePiece(self.parser.parse([], done + 1), finished.mark(done), 1, 1)

    def _may_have_changed(self, run: Run, progress: GithubProgress) -> bool:
        if not progress.seen:
            return True
        return parse(run["updated_at"]) >= parse(progress.seen) - OVERLAP

    def _groups(self, begin: datetime) -> Iterator[tuple[datetime, list[Run]]]:
        """Runs in the order of their creation, and the instant until which all are read."""
        for end, runs in self._ranges(_second(begin), _second(self.at)):
            ordered = sorted(runs, key=lambda run: (run["created_at"], run["id"]))
            for first in range(0, len(ordered), PIECE_RUNS):
                group = ordered[first : first + PIECE_RUNS]
                is_last = first + PIECE_RUNS >= len(ordered)
                yield end if is_last else parse(group[-1]["created_at"]), group
            if not ordered:
                yield end, []

    def _ranges(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, list[Run]]]:
        """A range with more runs than a search returns is read in halves."""
        total = self._count(begin, end)
        if total >= MAX_SEARCH_RESULTS and end - begin >= SECOND:
            middle = _second(begin + (end - begin) / 2)
            yield from self._ranges(begin, middle)
            yield from self._ranges(middle + SECOND, end)
        elif begin <= end:
            runs = self._search(begin, end) if total else []
            if total >= MAX_SEARCH_RESULTS:
                self.api.patience.say(f"more runs at {begin.isoformat()} than GitHub returns")
            yield end, runs

    def _count(self, begin: datetime, end: datetime) -> int:
        return int(
            self._page("actions/runs", {**_created(begin, end), "per_page": 1})["total_count"]
        )

    def _search(self, begin: datetime, end: datetime) -> list[Run]:
        runs = self._list("actions/runs", "workflow_runs", _created(begin, end))
        return list({(run["id"], run["run_attempt"]): run for run in runs}.values())

    def _rows(self, run: Run) -> Iterator[Mapping[str, Any]]:
        """All attempts of a run, each with the end of its jobs, and all of its jobs."""
        jobs = list(self._list(f"actions/runs/{run['id']}/jobs", "jobs", {"filter": "all"}))
        attempts = {int(run["run_attempt"]): run}
        for number in range(1, int(run["run_attempt"])):
            answer = self.api.find(f"actions/runs/{run['id']}/attempts/{number}")
            if answer is not None:
                attempts[number] = answer.json()
        for number, attempt in attempts.items():
            yield {**attempt, "jobs_completed_at": _end(jobs, number)}
        for job in jobs:
            yield {**_context(attempts.get(int(job.get("run_attempt") or 1), run)), **job}

    def _list(
        self, address: str, key: str, query: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        """All rows of a list, by the number that was received."""
        received, number = 0, 1
        while True:
            answer = self._page(address, {**query, "per_page": PAGE_ROWS, "page": number})
            rows = answer[key]
            yield from rows
            received, number = received + len(rows), number + 1
            if not rows or received >= int(answer["total_count"]):
                return

    def _page(self, address: str, query: Mapping[str, Any]) -> Any:  # noqa: ANN401  (JSON)
        return self.api.get(address, query).json()


def _end(jobs: list[Job], attempt: int) -> str | None:
    """When the last job of an attempt ended, of those that ran."""
    ends = [
        job["completed_at"]
        for job in jobs
        if int(job.get("run_attempt") or 1) == attempt
        if job.get("completed_at") and job.get("conclusion") != "skipped"
    ]
    return max(ends, default=None)


def _context(run: Run) -> dict[str, Any]:
    """What a job's run knows and the job does not."""
    names = ("event", "actor", "triggering_actor", "repository", "head_repository")
    return {name: run.get(name) for name in names}


def _created(begin: datetime, end: datetime) -> dict[str, str]:
    return {"created": f"{begin:%Y-%m-%dT%H:%M:%SZ}..{end:%Y-%m-%dT%H:%M:%SZ}"}


def _second(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(microsecond=0)
