"""Traps in exports of GitHub Actions: one row each."""

import json

import pytest

from tests.ingest.pipeline_logs import read_export

DAY = "2026-10-02T"
REPOSITORY = {"full_name": "octo/app"}


def run(**changes):
    """A run as the REST API returns it."""
    return {
        "id": 9,
        "name": "CI",
        "display_title": "fix: a sentence that nobody wants to keep",
        "path": ".github/workflows/ci.yml",
        "event": "push",
        "head_branch": "main",
        "run_number": 4,
        "run_attempt": 1,
        "status": "completed",
        "conclusion": "success",
        "created_at": f"{DAY}10:00:00Z",
        "run_started_at": f"{DAY}10:00:02Z",
        "updated_at": f"{DAY}10:06:00Z",
        "actor": {"login": "ann", "type": "User"},
        "triggering_actor": {"login": "ann", "type": "User"},
        "repository": REPOSITORY,
        "head_repository": REPOSITORY,
        "html_url": "https://github.com/octo/app/actions/runs/9",
    } | changes


def job(**changes):
    """A job as the REST API returns it."""
    return {
        "id": 77,
        "run_id": 9,
        "run_attempt": 1,
        "workflow_name": "CI",
        "name": "test (3.11)",
        "head_branch": "main",
        "status": "completed",
        "conclusion": "success",
        "created_at": f"{DAY}10:00:01Z",
        "started_at": f"{DAY}10:00:30Z",
        "completed_at": f"{DAY}10:05:30Z",
        "labels": ["self-hosted", "gpu"],
        "runner_name": "gpu-4",
        "runner_group_name": "Default",
        "html_url": "https://github.com/octo/app/actions/runs/9/job/77",
        "steps": [{"name": "Run make", "conclusion": "success"}],
    } | changes


RUN, JOB = "run/9/1", "job/77"
NOT_STARTED = {"runs and jobs that have not started": 1}
TRAPS = {
    "a run": (run(), {RUN: ("succeeded", "10:00:00", "10:00:02", "10:06:00")}, {}),
    "a re-run keeps its creation and is an attempt": (
        run(run_attempt=3, run_started_at=f"{DAY}17:00:00Z", updated_at=f"{DAY}17:04:00Z"),
        {"run/9/3": ("succeeded", "17:00:00", "17:00:00", "17:04:00")},
        {},
    ),
    "a run changed months after its end": (
        run(updated_at="2026-11-19T10:00:00Z"),
        {RUN: ("succeeded", "10:00:00", "10:00:02", None)},
        {},
    ),
    "the end of its jobs is the run's": (
        run(updated_at="2026-11-19T10:00:00Z", jobs_completed_at=f"{DAY}10:05:30Z"),
        {RUN: ("succeeded", "10:00:00", "10:00:02", "10:05:30")},
        {},
    ),
    "a run in progress": (
        run(status="in_progress", conclusion=None),
        {RUN: ("running", "10:00:00", "10:00:02", None)},
        {},
    ),
    "neutral": (
        run(conclusion="neutral"),
        {RUN: ("succeeded", *("10:00:00", "10:00:02"), "10:06:00")},
        {},
    ),
    "timed out": (
        run(conclusion="timed_out"),
        {RUN: ("failed", *("10:00:00", "10:00:02"), "10:06:00")},
        {},
    ),
    "stale": (
        run(conclusion="stale"),
        {RUN: ("cancelled", *("10:00:00", "10:00:02"), "10:06:00")},
        {},
    ),
    "refused as a whole": (
        run(conclusion="startup_failure"),
        {RUN: ("failed", "10:00:00", None, "10:06:00")},
        {},
    ),
    "a skipped run": (run(conclusion="skipped"), {}, {"runs that GitHub skipped": 1}),
    "waits for an approval": (
        run(conclusion="action_required"),
        {},
        {"runs that wait or waited for an approval": 1},
    ),
    "queued": (run(status="queued", conclusion=None), {}, NOT_STARTED),
    "waiting": (run(status="waiting", conclusion=None), {}, NOT_STARTED),
    "pending": (run(status="pending", conclusion=None), {}, NOT_STARTED),
    "requested": (run(status="requested", conclusion=None), {}, NOT_STARTED),
    "without a time of its end": (
        run(updated_at=None),
        {},
        {"completed runs and jobs without a time of their end; export updatedAt, too": 1},
    ),
    "a job": (job(), {JOB: ("succeeded", "10:00:01", "10:00:30", "10:05:30")}, {}),
    "a skipped job, which ends before it starts": (
        job(conclusion="skipped", completed_at=f"{DAY}09:00:00Z"),
        {},
        {"jobs that GitHub skipped": 1},
    ),
    "cancelled before a runner took it": (
        job(conclusion="cancelled", runner_name=None),
        {JOB: ("cancelled", "10:00:01", None, "10:05:30")},
        {},
    ),
    "cancelled, and ends before it starts": (
        job(conclusion="cancelled", completed_at=f"{DAY}10:00:20Z"),
        {JOB: ("cancelled", "10:00:01", None, "10:00:20")},
        {},
    ),
    "cancelled while it ran": (
        job(conclusion="cancelled"),
        {JOB: ("cancelled", "10:00:01", "10:00:30", "10:05:30")},
        {},
    ),
    "starts a second before it is created": (
        job(started_at=f"{DAY}10:00:00Z"),
        {JOB: ("succeeded", "10:00:01", "10:00:01", "10:05:30")},
        {},
    ),
    "of an earlier attempt, listed again": (
        job(run_attempt=2, created_at=f"{DAY}18:00:00Z"),
        {},
        {"jobs of an earlier attempt, listed again": 1},
    ),
    "of the second attempt": (
        job(run_attempt=2, created_at=f"{DAY}10:00:25Z"),
        {JOB: ("succeeded", "10:00:25", "10:00:30", "10:05:30")},
        {},
    ),
    "a job in progress": (
        job(status="in_progress", conclusion=None, completed_at=None),
        {JOB: ("running", "10:00:01", "10:00:30", None)},
        {},
    ),
    "a queued job, which names a start": (
        job(status="queued", conclusion=None, completed_at=None),
        {},
        NOT_STARTED,
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_what_a_run_or_a_job_is(trap, tmp_path):
    row, expected, skipped = TRAPS[trap]
    export = read_export(tmp_path, "github", [row])
    assert export.reasons == []
    assert export.skipped == skipped
    times = ("status", "submitted", "started", "finished")
    states = {name: tuple(row[time] for time in times) for name, row in export.executions.items()}
    assert states == expected


def test_an_outcome_is_known_when_the_run_was_last_changed_if_its_end_is_not(tmp_path):
    late = run(updated_at="2026-11-19T10:00:00Z")
    assert read_export(tmp_path, "github", [late]).executions[RUN]["known_at"] == "10:00:00"


@pytest.mark.parametrize(
    "row", [run(updated_at="2/10/2026 10:06"), job(completed_at="2/10/2026 10:06")]
)
def test_an_end_that_cannot_be_read_is_a_reject_and_not_a_run_without_one(row, tmp_path):
    export = read_export(tmp_path, "github", [row])
    assert (len(export.reasons), export.skipped) == (1, {})
    assert "'2/10/2026 10:06'" in export.reasons[0]


def test_a_run_and_its_jobs_are_different_work(tmp_path):
    rows = read_export(tmp_path, "github", [run(), job(), job(id=78, name="lint")]).executions
    assert {name: row["kind"] for name, row in rows.items()} == {
        "run/9/1": "CI",
        "job/77": "CI / test (3.11)",
        "job/78": "CI / lint",
    }
    assert rows[RUN]["inputs"] == {
        "event": "push",
        "attempt": 1,
        "actor_type": "User",
        "is_fork": False,
        "repository": "octo/app",
    }
    assert rows[JOB]["inputs"] == {"attempt": 1, "labels": "self-hosted,gpu"}
    assert rows[JOB]["outcome"] == {
        "conclusion": "success",
        "runner": "gpu-4",
        "runner_group": "Default",
    }
    assert (rows[RUN]["actor"], rows[RUN]["scope"], rows[JOB]["scope"]) == ("ann", "main", "main")


def page(name, *rows):
    return {"total_count": len(rows), name: list(rows)}


SHAPES = {
    "a list": [run(), job()],
    "pages one after the other": json.dumps(page("workflow_runs", run()))
    + json.dumps(page("workflow_runs", run(id=10)))
    + json.dumps(page("jobs", job())),
    "jobs first": json.dumps(page("jobs", job())) + "\n" + json.dumps(page("workflow_runs", run())),
    "pages in a list, as gh api --slurp": [page("workflow_runs", run()), page("jobs", job())],
    "lists one after the other": json.dumps([run()]) + json.dumps([job()]),
    "lists in a list": [[run()], [job()]],
    "an object a line": json.dumps(run()) + "\n" + json.dumps(job()) + "\n",
    "behind a byte order mark": "\ufeff" + json.dumps([run(), job()]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_json_is_read_to_its_end(shape, tmp_path):
    export = read_export(tmp_path, "github", SHAPES[shape], ".json")
    assert {RUN, JOB} <= export.executions.keys()


def gh(*names):
    """A run as `gh run list --json` prints some of its fields."""
    every = {
        "databaseId": 9,
        "name": "CI",
        "workflowName": "CI",
        "headBranch": "main",
        "event": "push",
        "status": "completed",
        "conclusion": "success",
        "createdAt": f"{DAY}10:00:00Z",
        "startedAt": f"{DAY}10:00:02Z",
        "updatedAt": f"{DAY}10:06:00Z",
        "attempt": 1,
        "number": 4,
        "displayTitle": 'fix: "x", y',
        "url": "https://github.com/octo/app/actions/runs/9",
    }
    return {name: every[name] for name in names or every}


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ((), RUN),
        (("url", "status", "conclusion", "createdAt", "updatedAt"), RUN),
        (("databaseId", "conclusion", "startedAt", "updatedAt"), RUN),
        (
            ("workflowName", "conclusion", "createdAt", "updatedAt"),
            f"run/CI/{DAY}10:00:00Z/1",
        ),
    ],
)
def test_any_fields_of_gh_run_list_will_do(names, name, tmp_path):
    export = read_export(tmp_path, "github", [gh(*names)])
    assert list(export.executions) == [name]
    assert export.executions[name]["status"] == "succeeded"
    assert export.executions[name]["finished"] == "10:06:00"


def test_gh_and_the_api_give_one_execution(tmp_path):
    same = ("kind", "scope", "submitted", "started", "finished", "status")
    by_gh = read_export(tmp_path, "github", [gh()]).executions[RUN]
    by_api = read_export(tmp_path, "github", [run()]).executions[RUN]
    assert [by_gh[name] for name in same] == [by_api[name] for name in same]


def test_jobs_of_gh_run_view_have_no_creation_and_a_zero_for_not_yet(tmp_path):
    url = "https://github.com/octo/app/actions/runs/9/job/"
    jobs = [
        {
            "databaseId": number,
            "name": "test",
            "status": status,
            "conclusion": conclusion,
            "startedAt": f"{DAY}10:00:30Z",
            "completedAt": end,
            "url": f"{url}{number}",
        }
        for number, status, conclusion, end in [
            (1, "completed", "failure", f"{DAY}10:01:00Z"),
            (2, "in_progress", "", "0001-01-01T00:00:00Z"),
        ]
    ]
    export = read_export(tmp_path, "github", {"jobs": jobs})
    assert export.reasons == []
    assert {name: (row["status"], row["finished"]) for name, row in export.executions.items()} == {
        "job/1": ("failed", "10:01:00"),
        "job/2": ("running", None),
    }
