"""Traps in exports of GitLab CI: one row each."""

import json

import pytest

from tests.ingest.pipeline_logs import read_export

DAY = "2026-10-02T"


def job(**changes):
    """A job as the API returns it."""
    return {
        "id": 5,
        "name": "rspec",
        "stage": "test",
        "status": "success",
        "ref": "main",
        "tag": False,
        "allow_failure": False,
        "coverage": 81.5,
        "created_at": f"{DAY}10:00:00.000Z",
        "started_at": f"{DAY}10:05:00.500Z",
        "finished_at": f"{DAY}10:06:00.500Z",
        "duration": 60.0,
        "queued_duration": 2.4999996,
        "failure_reason": None,
        "tag_list": ["docker", "linux"],
        "user": {"id": 1, "username": "ann", "name": "Ann"},
        "runner": {"id": 3, "description": "shared-3", "runner_type": "instance_type"},
        "pipeline": {"id": 2, "project_id": 7, "source": "push", "sha": "abc"},
        "commit": {"message": "a sentence that nobody wants to keep"},
        "web_url": "https://gitlab.example.com/group/app/-/jobs/5",
    } | changes


NEVER_STARTED = {"started_at": None, "duration": None, "queued_duration": 2430.0}
NOT_STARTED = {"jobs that have not started": 1}
TRAPS = {
    "waits for its stage, then for a runner": (
        {},
        {"5": ("succeeded", "10:04:58", "10:05:00.5", "10:06:00.5")},
        {},
    ),
    "queued_duration in other digits": (
        {"queued_duration": 2.5},
        {"5": ("succeeded", "10:04:58", "10:05:00.5", "10:06:00.5")},
        {},
    ),
    "no queued_duration, as before 14": (
        {"queued_duration": None},
        {"5": ("succeeded", "10:00:00", "10:05:00.5", "10:06:00.5")},
        {},
    ),
    "queued for longer than it exists": (
        {"queued_duration": 9_999.0},
        {"5": ("succeeded", "10:00:00", "10:05:00.5", "10:06:00.5")},
        {},
    ),
    "in another zone": (
        {"created_at": f"{DAY}12:00:00.000+02:00", "finished_at": f"{DAY}12:06:00.500+02:00"},
        {"5": ("succeeded", "10:04:58", "10:05:00.5", "10:06:00.5")},
        {},
    ),
    "cancelled while pending, whose queue grows for ever": (
        {"status": "canceled", **NEVER_STARTED},
        {"5": ("cancelled", "10:00:00", None, "10:06:00.5")},
        {},
    ),
    "stuck, and failed without a start": (
        {"status": "failed", "failure_reason": "stuck_or_timeout_failure", **NEVER_STARTED},
        {"5": ("failed", "10:00:00", None, "10:06:00.5")},
        {},
    ),
    "no end but a duration": (
        {"finished_at": None},
        {"5": ("succeeded", "10:04:58", "10:05:00.5", "10:06:00.5")},
        {},
    ),
    "running": (
        {"status": "running", "finished_at": None, "duration": 12.5},
        {"5": ("running", "10:04:58", "10:05:00.5", None)},
        {},
    ),
    "being cancelled": (
        {"status": "canceling", "finished_at": None},
        {"5": ("running", "10:04:58", "10:05:00.5", None)},
        {},
    ),
    "an id of GraphQL": (
        {"id": "gid://gitlab/Ci::Build/5"},
        {"5": ("succeeded", "10:04:58", "10:05:00.5", "10:06:00.5")},
        {},
    ),
    "skipped": ({"status": "skipped"}, {}, {"jobs that GitLab skipped": 1}),
    "manual": ({"status": "manual"}, {}, {"manual jobs that nobody has started": 1}),
    "created": ({"status": "created"}, {}, NOT_STARTED),
    "pending": ({"status": "pending"}, {}, NOT_STARTED),
    "scheduled": ({"status": "scheduled"}, {}, NOT_STARTED),
    "preparing": ({"status": "preparing"}, {}, NOT_STARTED),
    "waiting for a resource": ({"status": "waiting_for_resource"}, {}, NOT_STARTED),
    "cancelled without any end": (
        {"status": "canceled", **NEVER_STARTED, "finished_at": None},
        {},
        {"jobs without a time of their end; export finished_at, too": 1},
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_what_a_job_is(trap, tmp_path):
    changes, expected, skipped = TRAPS[trap]
    export = read_export(tmp_path, "gitlab", [job(**changes)])
    assert export.reasons == []
    assert export.skipped == skipped
    times = ("status", "submitted", "started", "finished")
    states = {name: tuple(row[time] for time in times) for name, row in export.executions.items()}
    assert states == expected


def test_inputs_are_known_at_creation_and_the_runner_is_an_outcome(tmp_path):
    failed = job(status="failed", allow_failure=True, failure_reason="script_failure")
    row = read_export(tmp_path, "gitlab", [failed]).executions["5"]
    assert row["inputs"] == {
        "stage": "test",
        "pipeline_source": "push",
        "allow_failure": True,
        "is_tag": False,
        "tags": "docker,linux",
        "project": "group/app",
    }
    assert row["outcome"] == {
        "failure_reason": "script_failure",
        "coverage": 81.5,
        "runner": "shared-3",
        "runner_type": "instance_type",
    }
    assert (row["actor"], row["kind"], row["scope"]) == ("ann", "rspec", "main")


@pytest.mark.parametrize(
    ("name", "kind", "part"),
    [
        ("rspec 3/8", "rspec", 3),
        ("rspec: 3/8", "rspec", 3),
        ("deploy: [aws, prod]", "deploy: [aws, prod]", None),
        ("python 3.11", "python 3.11", None),
    ],
)
def test_parts_of_a_parallel_job_are_one_kind(name, kind, part, tmp_path):
    row = read_export(tmp_path, "gitlab", [job(name=name)]).executions["5"]
    assert (row["kind"], row["inputs"].get("part")) == (kind, part)


def test_retries_of_a_job_are_executions_of_their_own(tmp_path):
    retried = job(id=6, started_at=f"{DAY}10:30:00Z", finished_at=f"{DAY}10:31:00Z")
    export = read_export(tmp_path, "gitlab", [job(status="failed"), retried])
    assert export.executions.keys() == {"5", "6"}


SHAPES = {
    "a list": [job(), job(id=6)],
    "pages one after the other": json.dumps([job()]) + "\n" + json.dumps([job(id=6)]),
    "an object a line": json.dumps(job()) + "\n" + json.dumps(job(id=6)) + "\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_json_is_read_to_its_end(shape, tmp_path):
    export = read_export(tmp_path, "gitlab", SHAPES[shape], ".json")
    assert export.executions.keys() == {"5", "6"}


NAMES = "id,name,stage,status,ref,created_at,started_at,finished_at,duration,queued_duration"
TABLES = {
    "of the API": (
        f"{NAMES},user_username,pipeline_source\n"
        f"5,rspec,test,success,main,{DAY}10:00:00.000Z,{DAY}10:05:00.500Z,{DAY}10:06:00.500Z,"
        "60.0,2.5,ann,push\n"
    ),
    "of the database": (
        f"{NAMES},username\n5,rspec,test,success,main,2026-10-02 10:00:00 UTC,"
        "2026-10-02 10:05:00.5 UTC,2026-10-02 10:06:00.5 UTC,60.0,2.499999600,ann\n"
    ),
    "of a script": (
        f"{NAMES},user\n"
        f"5,rspec,test,success,main,{DAY}10:00:00.000Z,{DAY}10:05:00.500Z,{DAY}10:06:00.500Z,"
        "60.0,2.5,ann\n"
    ),
    "of a spreadsheet": (
        "Id;Name;Stage;Status;Ref;Created At;Started At;Finished At;Duration;Queued Duration;"
        "User.username\n"
        "5;rspec;test;success;main;2026-10-02 10:00:00;2026-10-02 10:05:00.5;"
        "2026-10-02 10:06:00.5;60;2.5;ann\n"
    ),
}


def test_an_end_that_cannot_be_read_is_a_reject_and_not_a_job_without_one(tmp_path):
    export = read_export(tmp_path, "gitlab", [job(finished_at="02/10/2026 10:06", duration=None)])
    assert (len(export.reasons), export.skipped) == (1, {})
    assert "'02/10/2026 10:06'" in export.reasons[0]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_and_the_api_give_one_execution(table, tmp_path):
    by_table = read_export(tmp_path, "gitlab", TABLES[table])
    assert by_table.reasons == []
    same = ("actor", "kind", "scope", "submitted", "started", "finished", "status")
    by_api = read_export(tmp_path, "gitlab", [job()]).executions["5"]
    assert [by_table.executions["5"][name] for name in same] == [by_api[name] for name in same]
