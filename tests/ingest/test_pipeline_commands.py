"""`runlore ingest airflow | github | gitlab | jenkins` at a terminal, from files and servers."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from runlore.log.executions import read_facts
from tests.ingest.api_servers import (
    BEGIN,
    FakeAirflow,
    FakeGithub,
    FakeGitlab,
    FakeJenkins,
    serving,
)
from tests.ingest.pipeline_logs import github_jobs, jenkins_builds

MINUTE = BEGIN - BEGIN.replace(day=4, hour=23, minute=59)


@pytest.fixture(autouse=True)
def no_tokens(monkeypatch):
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def github(runs):
    api = FakeGithub()
    api.add_runs(runs, MINUTE)
    return serving(api)


def test_a_server_is_read_with_its_address_alone(runlore, store):
    with github(4) as api:
        assert "12 new, 0 already known, 0 rejected" in runlore(
            "github", "--url", f"{api.base}/repos/octo/app"
        )
        again = json.loads(runlore("github", "--url", f"{api.base}/repos/octo/app", "--json"))
    assert (again["new"], again["source"]) == (0, "github")
    assert set(read_facts(store)["source"]) == {"github"}


def test_a_token_is_sent_and_never_shown(runlore, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", "ghp_secretsecretsecret")
    with github(1) as api:
        output = runlore("github", "--url", f"{api.base}/repos/octo/app")
        assert {query.headers["authorization"] for query in api.queries} == {
            "Bearer ghp_secretsecretsecret"
        }
    assert "secretsecret" not in output


@pytest.mark.parametrize("arguments", [(), ("runs.json", "--url", "octo/app")])
def test_either_a_file_or_a_server_is_named(arguments, runlore):
    assert "name either a FILE or a server with --url" in runlore("github", *arguments, code=1)


def test_a_last_line_without_its_end_waits_or_is_taken(runlore, tmp_path):
    path = tmp_path / "builds.csv"
    path.write_text(jenkins_builds(5).rstrip("\n"))
    assert "4 new" in runlore("jenkins", path)
    assert "1 new, 4 already known" in runlore("jenkins", path, "--take-last-line")


def test_a_dry_run_writes_nothing(runlore, store, tmp_path):
    path = tmp_path / "jobs.json"
    path.write_text(github_jobs(20))
    runlore("github", path, "--dry-run")
    assert read_facts(store).empty


def test_a_server_that_is_away_is_named(runlore):
    said = runlore("gitlab", "--url", "http://127.0.0.1:9/group/app", code=1)
    assert "GitLab at http://127.0.0.1:9/api/v4/projects/group%2Fapp/" in said


def test_an_export_and_its_server_are_one_source(runlore, store, tmp_path):
    path = tmp_path / "jobs.json"
    path.write_text(github_jobs(20))
    runlore("github", path)
    with github(2) as api:
        runlore("github", "--url", f"{api.base}/repos/octo/app")
    assert set(read_facts(store)["source"]) == {"github"}


def gitlab():
    api = FakeGitlab()
    api.add_jobs(600)
    return api, "/group/app", 600


def airflow():
    api = FakeAirflow()
    api.add_rows(600)
    return api, "", 600


def jenkins():
    api = FakeJenkins()
    for job in ("app", "tools/lint", "tools/test"):
        api.add_builds(job, 200)
    return api, "", 600


def github_server():
    api = FakeGithub()
    api.add_runs(100, MINUTE)
    return api, "/repos/octo/app", 300


@pytest.mark.slow
@pytest.mark.parametrize("make", [airflow, github_server, gitlab, jenkins])
def test_an_import_from_a_server_that_is_killed_loses_and_doubles_nothing(make, runlore, store):
    api, path, executions = make()
    tool = type(api).__name__.removeprefix("Fake").lower()
    is_reached, is_killed = threading.Event(), threading.Event()

    def hold(number):
        if number == 6 and not is_killed.is_set():
            is_reached.set()
            is_killed.wait(120)

    with serving(api):
        command = [sys.executable, "-m", "runlore.cli", "ingest", tool, "--url", api.base + path]
        api.before = hold
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        assert is_reached.wait(120), "it did not ask often enough"
        process.send_signal(signal.SIGKILL)
        process.wait()
        is_killed.set()
        api.before = lambda number: None
        runlore(tool, "--url", api.base + path)
        again = json.loads(runlore(tool, "--url", api.base + path, "--json"))
    facts = read_facts(store)
    assert len(facts) == executions
    assert facts["source_id"].is_unique
    assert again["new"] == 0
