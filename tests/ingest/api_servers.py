"""Local servers that behave like the APIs of GitHub, GitLab, Airflow and Jenkins, caps included."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
Headers = dict[str, str]


@dataclass(frozen=True)
class Query:
    """A request: its decoded path, its parameters and its headers."""

    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]

    def number(self, name: str, default: int) -> int:
        return int(self.parameters.get(name, default))


@dataclass(frozen=True)
class Reply:
    body: Any
    status: int = 200
    headers: Headers = field(default_factory=dict)


NOT_FOUND = Reply({"message": "Not Found"}, 404)


@dataclass
class FakeApi:
    """Answers and counts requests. before: called with the number of each request; its reply, if it
    has one, is sent instead of the server's own."""

    base: str = ""
    paths: list[str] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    before: Callable[[int], Reply | None] = lambda number: None

    def answer(self, query: Query) -> Reply:
        raise NotImplementedError

    def reply(self, query: Query) -> Reply:
        self.queries.append(query)
        return self.before(len(self.queries)) or self.answer(query)


@contextmanager
def serving(api: FakeApi) -> Iterator[FakeApi]:
    """The API on a free port, as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = api.reply(Query(parts.path, dict(parse_qsl(parts.query)), headers))
            body = json.dumps(reply.body).encode()
            self.send_response_only(reply.status)  # without a Date of its own
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class FakeGithub(FakeApi):
    """Finds runs by their creation, the newest first, and returns the first 1,000 of them."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    search_limit: int = 1000

    def add_runs(self, count: int, every: timedelta, first: datetime = BEGIN) -> None:
        for _ in range(count):
            number = len(self.runs) + 1
            created = first + every * (number - 1)
            self.runs.append(
                {
                    "id": number,
                    "name": "CI",
                    "event": "push",
                    "head_branch": "main",
                    "run_attempt": 1,
                    "status": "completed",
                    "conclusion": "success",
                    "created_at": stamp(created),
                    "run_started_at": stamp(created),
                    "updated_at": stamp(created + timedelta(seconds=50)),
                    "actor": {"login": "ann"},
                }
            )

    def run_again(self, number: int, at: datetime) -> None:
        run = self.runs[number - 1]
        run |= {"run_attempt": 2, "run_started_at": stamp(at)}
        run |= {"updated_at": stamp(at + timedelta(seconds=50))}

    def answer(self, query: Query) -> Reply:
        path = query.path.removeprefix("/repos/octo/app/")
        if path == "actions/runs":
            return self._search(query)
        if match := re.fullmatch(r"actions/runs/(\d+)/jobs", path):
            jobs = self._jobs(self.runs[int(match[1]) - 1])
            return Reply({"total_count": len(jobs), "jobs": self._page(jobs, query)})
        if match := re.fullmatch(r"actions/runs/(\d+)/attempts/1", path):
            run = self.runs[int(match[1]) - 1]
            return Reply(run | {"run_attempt": 1, "run_started_at": run["created_at"]})
        return NOT_FOUND

    def _search(self, query: Query) -> Reply:
        begin, end = query.parameters["created"].split("..")
        matches = [run for run in self.runs if begin <= run["created_at"] <= end][::-1]
        page = self._page(matches[: self.search_limit], query)
        return Reply({"total_count": len(matches), "workflow_runs": page})

    def _page(self, rows: list[Any], query: Query) -> list[Any]:
        size = min(query.number("per_page", 30), 100)
        first = (query.number("page", 1) - 1) * size
        return rows[first : first + size]

    def _jobs(self, run: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Two jobs for each attempt; the second ends 40 s after the start."""
        starts = [run["created_at"], run["run_started_at"]][: run["run_attempt"]]
        return [
            {
                "id": 10_000 * attempt + 10 * run["id"] + number,
                "run_id": run["id"],
                "run_attempt": attempt,
                "name": f"job {number}",
                "workflow_name": "CI",
                "head_branch": "main",
                "status": "completed",
                "conclusion": "success",
                "created_at": start,
                "started_at": start,
                "completed_at": stamp(
                    datetime.fromisoformat(start) + timedelta(seconds=20 * number)
                ),
                "runner_name": "r",
            }
            for attempt, start in enumerate(starts, start=1)
            for number in (1, 2)
        ]


@dataclass
class FakeGitlab(FakeApi):
    """Pages jobs by keyset, or by number where has_keyset is False; at most `cap` a page."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    has_keyset: bool = True
    cap: int = 100

    def add_jobs(self, count: int, **changes: Any) -> None:
        for _ in range(count):
            number = len(self.jobs) + 1
            created = BEGIN + timedelta(minutes=number)
            self.jobs.append(
                {
                    "id": number,
                    "name": "rspec",
                    "stage": "test",
                    "status": "success",
                    "ref": "main",
                    "created_at": stamp(created),
                    "started_at": stamp(created + timedelta(seconds=9)),
                    "finished_at": stamp(created + timedelta(seconds=39)),
                    "queued_duration": 4.0,
                    "user": {"username": "ann"},
                }
                | changes
            )

    def answer(self, query: Query) -> Reply:
        if not query.path.startswith("/api/v4/projects/group%2Fapp/jobs"):
            return NOT_FOUND
        size = min(query.number("per_page", 20), self.cap)
        newest_first = self.jobs[::-1]
        if query.parameters.get("pagination") == "keyset":
            return self._by_keyset(newest_first, size, query)
        first = (query.number("page", 1) - 1) * size
        page = newest_first[first : first + size]
        following = str(query.number("page", 1) + 1) if first + size < len(newest_first) else ""
        return Reply(page, headers={"x-next-page": following})

    def _by_keyset(self, jobs: list[Any], size: int, query: Query) -> Reply:
        if not self.has_keyset:
            said = "Keyset pagination is not yet available for this type of request"
            return Reply({"error": said}, 405)
        before = query.number("cursor", 1 << 60)
        rest = [job for job in jobs if job["id"] < before]
        page = rest[:size]
        if len(rest) <= size:
            return Reply(page)
        url = (
            f"{self.base}{query.path}?pagination=keyset&order_by=id&sort=desc"
            f"&per_page={size}&cursor={page[-1]['id']}"
        )
        return Reply(page, headers={"Link": f'<{url}>; rel="next"'})


@dataclass
class FakeAirflow(FakeApi):
    """Pages task instances by offset, at most `cap` a page, in version 2 or 1 of the API."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    version: str = "v2"
    cap: int = 100

    def add_rows(self, count: int, **changes: Any) -> None:
        for _ in range(count):
            number = len(self.rows)
            at = BEGIN + timedelta(minutes=number)
            self.rows.append(
                {
                    "dag_id": "etl",
                    "dag_run_id": f"manual__{number // 5}",
                    "task_id": f"t{number % 5}",
                    "map_index": -1,
                    "try_number": 1,
                    "state": "success",
                    "queued_when": stamp(at),
                    "start_date": stamp(at + timedelta(seconds=5)),
                    "end_date": stamp(at + timedelta(seconds=35)),
                    "updated_at": stamp(at + timedelta(seconds=36)),
                    "operator": "PythonOperator",
                    "pool": "default_pool",
                }
                | changes
            )

    def answer(self, query: Query) -> Reply:
        if query.path == f"/api/{self.version}/version":
            return Reply({"version": "3"})
        prefix = f"/api/{self.version}/dags/"
        if not query.path.startswith(prefix):
            return NOT_FOUND
        if query.path == f"{prefix}~/dagRuns/~/taskInstances":
            return self._list(query)
        match = re.fullmatch(
            r"etl/dagRuns/(.+)/taskInstances/(\w+)/tries", unquote(query.path.removeprefix(prefix))
        )
        if match is None or self.version == "v1":
            return NOT_FOUND
        [last] = [r for r in self.rows if (r["dag_run_id"], r["task_id"]) == (match[1], match[2])]
        tries = [self._try(last, number) for number in range(1, last["try_number"])] + [last]
        return Reply({"task_instances": tries, "total_entries": len(tries)})

    def _list(self, query: Query) -> Reply:
        since = query.parameters.get("updated_at_gte", "").replace("+00:00", "Z")
        changed = [row for row in self.rows if row["updated_at"] >= since]
        first = query.number("offset", 0)
        size = min(query.number("limit", 50), self.cap)
        page = changed[first : first + size]
        return Reply({"task_instances": page, "total_entries": len(changed)})

    def _try(self, last: Mapping[str, Any], number: int) -> dict[str, Any]:
        back = timedelta(seconds=100 * (last["try_number"] - number))
        times = {
            name: stamp(datetime.fromisoformat(last[name]) - back)
            for name in ("queued_when", "start_date", "end_date")
        }
        return {**last, **times, "try_number": number, "state": "failed"}


@dataclass
class FakeJenkins(FakeApi):
    """Jobs in folders; a range of builds holds at most `cap`, the newest first."""

    builds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    cap: int = 100

    def add_builds(self, job: str, count: int, **changes: Any) -> None:
        builds = self.builds.setdefault(job, [])
        for _ in range(count):
            number = len(builds) + 1
            at = BEGIN + timedelta(minutes=number)
            builds.append(
                {
                    "number": number,
                    "timestamp": int(at.timestamp() * 1000),
                    "duration": 30_000,
                    "result": "SUCCESS",
                    "building": False,
                    "actions": [{"causes": [{"userId": "ann"}]}],
                }
                | changes
            )

    def answer(self, query: Query) -> Reply:
        names = [unquote(name) for name in re.findall(r"/job/([^/]+)", query.path)]
        path, tree = "/".join(names), query.parameters["tree"]
        if match := re.search(r"^allBuilds\[.*\]\{(\d+),(\d+)\}$", tree):
            first, end = int(match[1]), min(int(match[2]), int(match[1]) + self.cap)
            return Reply({"allBuilds": self.builds[path][::-1][first:end]})
        if path in self.builds:
            return Reply({"fullName": path})
        inside = [
            job.removeprefix(f"{path}/" if path else "")
            for job in self.builds
            if job.startswith(path)
        ]
        jobs = [{"name": name} for name in sorted({rest.partition("/")[0] for rest in inside})]
        return Reply({"fullName": path, "jobs": jobs} if path else {"jobs": jobs})
