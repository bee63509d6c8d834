"""Traps in exports of Jenkins: one row each."""

import json

import pytest

from tests.ingest.pipeline_logs import read_export

AT = 1_790_935_200_000  # 2026-10-02T10:00:00Z
URL = "https://ci.example.com/job/tools/job/app/12/"
USER = {"_class": "hudson.model.Cause$UserIdCause", "userId": "ann", "userName": "Ann"}


def build(*causes, parameters=(), **changes):
    """A build as /api/json returns it."""
    actions = [
        {"_class": "hudson.model.CauseAction", "causes": list(causes or [USER])},
        {},
        {"_class": "hudson.model.ParametersAction", "parameters": list(parameters)},
    ]
    return {
        "_class": "org.jenkinsci.plugins.workflow.job.WorkflowRun",
        "number": 12,
        "id": "12",
        "queueId": 901,
        "timestamp": AT,
        "duration": 90_000,
        "estimatedDuration": 88_000,
        "building": False,
        "result": "SUCCESS",
        "builtOn": "agent-3",
        "url": URL,
        "description": "a sentence that nobody wants to keep",
        "actions": actions,
    } | changes


def named(name, value):
    return {"_class": "hudson.model.StringParameterValue", "name": name, "value": value}


ID = "tools/app#12"
TRAPS = {
    "milliseconds": ({}, {ID: ("succeeded", "10:00:00", "10:00:00", "10:01:30")}, {}),
    "unstable": (
        {"result": "UNSTABLE"},
        {ID: ("partial", "10:00:00", "10:00:00", "10:01:30")},
        {},
    ),
    "failure": ({"result": "FAILURE"}, {ID: ("failed", "10:00:00", "10:00:00", "10:01:30")}, {}),
    "aborted": ({"result": "ABORTED"}, {ID: ("cancelled", "10:00:00", "10:00:00", "10:01:30")}, {}),
    "building, with a duration of 0": (
        {"building": True, "result": None, "duration": 0},
        {ID: ("running", "10:00:00", "10:00:00", None)},
        {},
    ),
    "building on after its result": (
        {"building": True, "result": "FAILURE", "duration": 0},
        {ID: ("running", "10:00:00", "10:00:00", None)},
        {},
    ),
    "building, exported without saying so": (
        {"building": None, "result": None, "duration": 0},
        {ID: ("running", "10:00:00", "10:00:00", None)},
        {},
    ),
    "waited, as the Metrics plugin knows": (
        {"actions": [{"causes": [USER]}, {"queuingDurationMillis": 30_500}]},
        {ID: ("succeeded", "09:59:29.5", "10:00:00", "10:01:30")},
        {},
    ),
    "a duration below 0": (
        {"duration": -7},
        {ID: ("succeeded", "10:00:00", "10:00:00", "10:00:00")},
        {},
    ),
    "no address but a title": (
        {"url": None, "fullDisplayName": "tools » app #12"},
        {ID: ("succeeded", "10:00:00", "10:00:00", "10:01:30")},
        {},
    ),
    "reloaded as aborted at the beginning of time": (
        {"timestamp": 0, "duration": 0, "result": "ABORTED"},
        {},
        {"builds that Jenkins could not load, with the timestamp 0": 1},
    ),
    "not built": ({"result": "NOT_BUILT"}, {}, {"builds that were not built": 1}),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_what_a_build_is(trap, tmp_path):
    changes, expected, skipped = TRAPS[trap]
    export = read_export(tmp_path, "jenkins", {"builds": [build(**changes)]})
    assert export.reasons == []
    assert export.skipped == skipped
    times = ("status", "submitted", "started", "finished")
    states = {name: tuple(row[time] for time in times) for name, row in export.executions.items()}
    assert states == expected


def test_an_unknown_result_is_a_reject_that_names_it(tmp_path):
    export = read_export(tmp_path, "jenkins", [build(result="MELTED")])
    assert export.reasons == ["status 'melted' is unknown"]


def test_seconds_beside_a_duration_of_an_unknown_unit_are_a_reject(tmp_path):
    at = AT // 1000
    export = read_export(tmp_path, "jenkins", [build(timestamp=at, duration=90)])
    [reason] = export.reasons
    assert reason.startswith(f"timestamp '{at}' is in seconds: is the duration, too?")
    named_s = build(timestamp=at, duration=None, duration_s=90)
    [row] = read_export(tmp_path, "jenkins", [named_s]).executions.values()
    assert (row["started"], row["finished"]) == ("10:00:00", "10:01:30")


def test_parameters_are_inputs_and_the_estimate_is_not(tmp_path):
    parameters = [
        named("BRANCH", "main"),
        named("PARTS", "12"),
        named("RELEASE", "1.10"),
        named("DEPLOY", True),
        named("DB_PASSWORD", "hunter2"),
        named("NOTES", "a\nlong text"),
        named("BLOB", "x" * 201),
        {"name": "SECRET_FILE"},
    ]
    [row] = read_export(tmp_path, "jenkins", [build(parameters=parameters)]).executions.values()
    assert row["inputs"] == {
        "cause": "user",
        "BRANCH": "main",
        "PARTS": 12,
        "RELEASE": "1.10",
        "DEPLOY": True,
    }
    assert row["outcome"] == {"result": "success", "host": "agent-3"}


@pytest.mark.parametrize(
    ("cause", "actor", "word"),
    [
        (USER, "ann", "user"),
        ({"shortDescription": "Started by timer"}, "timer", "timer"),
        ({"_class": "hudson.triggers.SCMTrigger$SCMTriggerCause"}, "scm", "scm"),
        (
            {"_class": "hudson.model.Cause$UpstreamCause", "upstreamProject": "tools/lib"},
            "tools/lib",
            "upstream",
        ),
        ({"_class": "jenkins.branch.BranchIndexingCause"}, "branch", "branch"),
        ({"_class": "com.cloudbees.jenkins.GitHubPushCause"}, "push", "push"),
        ({"shortDescription": "Started by a comet"}, "other", "other"),
    ],
)
def test_who_caused_a_build(cause, actor, word, tmp_path):
    [row] = read_export(tmp_path, "jenkins", [build(cause)]).executions.values()
    assert (row["actor"], row["inputs"]["cause"]) == (actor, word)


BARE = build(url=None)
SHAPES = {
    "a build": build(),
    "all builds of a job": {"fullName": "tools/app", "allBuilds": [BARE]},
    "builds and all builds": {"fullName": "tools/app", "builds": [], "allBuilds": [BARE]},
    "jobs in folders": {
        "_class": "hudson.model.Hudson",
        "jobs": [
            {"name": "tools", "jobs": [{"name": "app", "builds": [BARE]}, {"name": "empty"}]},
            {"name": "idle", "builds": []},
        ],
    },
    "a job a line": json.dumps({"fullName": "tools/app", "builds": [BARE]}) + "\n",
    "builds in a list": [build()],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_json_gives_the_same_execution(shape, tmp_path):
    export = read_export(tmp_path, "jenkins", SHAPES[shape], ".json")
    assert export.rows == 1
    assert (export.executions[ID]["kind"], export.executions[ID]["scope"]) == ("tools/app", "tools")


def test_branches_of_a_project_are_jobs_with_one_scope(tmp_path):
    url = "https://ci.example.com/job/app/job/feature%252Fx/12/"
    export = read_export(tmp_path, "jenkins", [build(url=url)])
    assert {row["kind"]: row["scope"] for row in export.executions.values()} == {
        "app/feature%2Fx": "app"
    }


@pytest.mark.parametrize(
    "table",
    [
        f"job,number,timestamp,duration,result\ntools/app,12,{AT},90000,SUCCESS\n",
        "Job Name;Build Number;Start Time;Duration S;Result\n"
        "tools/app;12;2026-10-02T10:00:00Z;90;SUCCESS\n",
        "url,number,timestamp,duration,result,building\n"
        f"{URL},12,{AT // 1000},90 s,success,false\n",
        f"job,number,timestamp,duration,result\ntools/app,12,{AT},1 min 30 s,SUCCESS\n",
    ],
)
def test_a_table_and_the_api_give_one_execution(table, tmp_path):
    export = read_export(tmp_path, "jenkins", table)
    assert export.reasons == []
    same = ("kind", "scope", "submitted", "started", "finished", "status")
    by_api = read_export(tmp_path, "jenkins", [build()]).executions[ID]
    assert [export.executions[ID][name] for name in same] == [by_api[name] for name in same]
