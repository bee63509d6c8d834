"""Imports from APIs: all pages, only once, later only what may have changed."""

from datetime import UTC, datetime, timedelta

import pytest

from runlore.ingest.actions.api_client import RateLimitWait
from runlore.ingest.actions.api_histories import ApiSource, api_address, ingest_api
from runlore.ingest.actions.files import IngestOptions
from runlore.kernel.errors import BadInput, Unavailable
from runlore.log.executions import read_facts
from tests.ingest.api_servers import (
    BEGIN,
    FakeAirflow,
    FakeGithub,
    FakeGitlab,
    FakeJenkins,
    Reply,
    serving,
    stamp,
)
from tests.ingest.csv_log import counts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TOKENS = {
    "GITHUB_TOKEN": "github-token",
    "GITLAB_TOKEN": "gitlab-token",
    "JENKINS_USER": "ann",
    "JENKINS_TOKEN": "jenkins-token",
    "AIRFLOW_TOKEN": "airflow-token",
}
PATHS = {"github": "/repos/octo/app", "gitlab": "/group/app", "airflow": "", "jenkins": ""}


@pytest.fixture
def ingest(store):
    """Imports from a server; waits are noted and not waited for."""

    def run(api, at=NOW, patience=None):
        tool = type(api).__name__.removeprefix("Fake").lower()
        patience = patience or RateLimitWait(pause=lambda seconds: None)
        api.queries.clear()
        source = ApiSource(tool, api.base + PATHS[tool], tool, TOKENS, patience=patience)
        return ingest_api(store, source, IngestOptions(at))

    return run


def ids(store):
    facts = read_facts(store)
    assert not facts.duplicated(["source_id", "submitted", "revision"]).any()
    assert facts["source_id"].is_unique
    return set(facts["source_id"])


def github(runs, every=timedelta(minutes=1), first=BEGIN):
    api = FakeGithub()
    api.add_runs(runs, every, first)
    return serving(api)


def test_more_runs_than_a_search_returns_are_all_found(ingest, store):
    with github(23) as api:
        api.search_limit = 1000
        assert counts(ingest(api)) == (23 * 3, 0, 0)
    assert len(ids(store)) == 23 * 3


def test_a_range_is_halved_until_it_holds_less_than_1000_runs(ingest, store, monkeypatch):
    monkeypatch.setattr("runlore.ingest.actions.github_server.MAX_SEARCH_RESULTS", 50)
    with github(230) as api:
        api.search_limit = 50
        assert counts(ingest(api)) == (230 * 3, 0, 0)
    assert {f"run/{number}/1" for number in range(1, 231)} <= ids(store)


def test_a_run_ends_with_its_last_job_and_its_jobs_know_its_event(ingest, store):
    with github(1) as api:
        ingest(api)
    facts = read_facts(store).set_index("source_id")
    took = (facts["finished"] - facts["started"]) // 1_000_000
    assert took.to_dict() == {"run/1/1": 40, "job/10011": 20, "job/10012": 40}
    assert '"event": "push"' in facts.loc["job/10011", "inputs"]
    assert set(facts["actor"]) == {"ann"}


def test_later_imports_read_what_was_updated_and_run_again(ingest, store):
    with github(60, timedelta(hours=6), NOW - timedelta(days=20)) as api:
        ingest(api, at=NOW)
        assert counts(ingest(api, at=NOW + timedelta(hours=1))) == (0, 0, 0)
        assert not [query for query in api.queries if "jobs" in query.path]
        api.run_again(55, NOW + timedelta(hours=2))
        summary = ingest(api, at=NOW + timedelta(hours=3))
        assert counts(summary) == (3, 3, 0)
        assert len([query for query in api.queries if "jobs" in query.path]) == 1
    assert {"run/55/1", "run/55/2", "job/20551"} <= ids(store)


def test_an_import_that_is_interrupted_goes_on_and_misses_no_run_that_changed_meanwhile(
    ingest, store
):
    with github(70, first=NOW - timedelta(days=9)) as api:
        api.before = lambda number: Reply({}, 503) if number > 50 else None
        with pytest.raises(Unavailable, match="503"):
            ingest(api)
        first = len(ids(store))
        assert 0 < first < 70 * 3
        api.run_again(1, NOW + timedelta(minutes=5))
        api.before = lambda number: None
        ingest(api, at=NOW + timedelta(hours=1))
        assert len([query for query in api.queries if "jobs" in query.path]) < 70
        ingest(api, at=NOW + timedelta(hours=2))
    assert len(ids(store)) == 70 * 3 + 3


def limited_once(headers, status=403):
    """Answers the third request with a rate limit."""
    return lambda number: Reply({"message": "limit"}, status, headers) if number == 3 else None


DATE = {"Date": "Sun, 01 Mar 2026 00:00:00 GMT"}
RESET = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 30)}


@pytest.mark.parametrize(
    ("headers", "status", "seconds"),
    [
        ({"Retry-After": "7"}, 403, 7),
        ({"Retry-After": "7"}, 429, 7),
        (DATE | {"Retry-After": "Sun, 01 Mar 2026 00:00:09 GMT"}, 429, 9),
        (DATE | RESET, 403, 31),
        ({}, 429, 60),
    ],
)
def test_a_rate_limit_is_waited_for_and_said(headers, status, seconds, ingest, store):
    said, waited = [], []
    patience = RateLimitWait(pause=waited.append, say=said.append)
    with github(3) as api:
        api.before = limited_once(headers, status)
        assert counts(ingest(api, patience=patience)) == (9, 0, 0)
    assert waited == [seconds]
    assert said == [f"GitHub: rate limit, waiting {seconds} s"]


def test_a_long_rate_limit_stops_the_import_and_it_goes_on_later(ingest, store):
    with github(70) as api:
        reset = {"Retry-After": "3000"}
        api.before = lambda number: Reply({}, 403, reset) if number > 50 else None
        with pytest.raises(Unavailable, match=r"GitHub takes no more requests for 50 min"):
            ingest(api)
        api.before = lambda number: None
        ingest(api)
    assert len(ids(store)) == 70 * 3


def gitlab(jobs, **options):
    api = FakeGitlab(**options)
    api.add_jobs(jobs)
    return serving(api)


@pytest.mark.parametrize("options", [{}, {"has_keyset": False}, {"cap": 7}])
def test_all_jobs_of_a_project_are_read(options, ingest, store):
    with gitlab(230, **options) as api:
        assert counts(ingest(api)) == (230, 0, 0)
    assert ids(store) == {str(number) for number in range(1, 231)}


@pytest.mark.parametrize("options", [{}, {"has_keyset": False}])
def test_jobs_that_appear_while_paging_are_read_next_time(options, ingest, store):
    with gitlab(230, **options) as api:
        api.before = lambda number: api.add_jobs(1)
        ingest(api)
        assert {str(number) for number in range(1, 231)} <= ids(store)
        api.before = lambda number: None
        ingest(api)
        assert ids(store) == {str(number) for number in range(1, len(api.jobs) + 1)}


def test_later_imports_read_down_to_the_oldest_job_that_had_not_ended(ingest, store):
    with gitlab(500) as api:
        api.add_jobs(1, status="running", finished_at=None, created_at=stamp(NOW))
        api.jobs[-1] |= {"started_at": stamp(NOW), "queued_duration": 0.0}
        api.add_jobs(1, status="manual", started_at=None, finished_at=None)
        api.add_jobs(10)
        ingest(api)
        api.jobs[500] |= {"status": "failed", "finished_at": stamp(NOW + timedelta(minutes=9))}
        summary = ingest(api, at=NOW + timedelta(hours=1))
        assert counts(summary) == (1, 10, 0)
        assert len(api.queries) == 1
        assert counts(ingest(api, at=NOW + timedelta(hours=2))) == (0, 0, 0)
    facts = read_facts(store).query("source_id == '501'")
    assert facts["status"].tolist() == ["running", "failed"]


def airflow(rows, **options):
    api = FakeAirflow(**options)
    api.add_rows(rows)
    return serving(api)


@pytest.mark.parametrize("options", [{}, {"version": "v1"}, {"cap": 7}, {"cap": 1000}])
def test_all_task_instances_are_read_however_many_a_page_holds(options, ingest, store):
    with airflow(230, **options) as api:
        assert counts(ingest(api)) == (230, 0, 0)
    assert len(ids(store)) == 230


def test_earlier_tries_are_executions_of_their_own(ingest, store):
    with airflow(3) as api:
        api.rows[1]["try_number"] = 3
        assert counts(ingest(api)) == (5, 0, 0)
    assert {f"etl/manual__0/t1/-1/{number}" for number in (1, 2, 3)} <= ids(store)


def test_rows_that_vanish_while_paging_hide_none(ingest, store):
    with airflow(230) as api:

        def clean(number):
            if number == 3:
                del api.rows[:30]

        api.before = clean
        ingest(api)
    assert {f"etl/manual__{n // 5}/t{n % 5}/-1/1" for n in range(30, 230)} <= ids(store)


def test_later_imports_read_task_instances_that_were_updated(ingest, store):
    with airflow(500) as api:
        ingest(api)
        api.rows[7] |= {"try_number": 2, "updated_at": stamp(NOW + timedelta(minutes=1))}
        api.add_rows(2, updated_at=stamp(NOW + timedelta(minutes=2)))
        summary = ingest(api, at=NOW + timedelta(minutes=30))
        assert summary.new + summary.known == 4
        assert len(api.queries) == 3


def jenkins(builds, **options):
    api = FakeJenkins(**options)
    for job in ("app", "tools/lint", "tools/deep/feature%2Fx"):
        api.add_builds(job, builds)
    return serving(api)


@pytest.mark.parametrize("options", [{}, {"cap": 7}])
def test_all_builds_of_all_jobs_in_folders_are_read(options, ingest, store):
    with jenkins(130, **options) as api:
        assert counts(ingest(api)) == (390, 0, 0)
    assert {"app#1", "tools/lint#130", "tools/deep/feature%2Fx#77"} <= ids(store)


def test_builds_that_appear_while_paging_are_read_next_time(ingest, store):
    with jenkins(130) as api:
        api.before = lambda number: api.add_builds("app", 1)
        ingest(api)
        api.before = lambda number: None
        ingest(api)
        assert len(ids(store)) == sum(map(len, api.builds.values()))


def test_later_imports_read_the_builds_that_were_going_on(ingest, store):
    with jenkins(130) as api:
        api.add_builds("app", 1, building=True, result=None, duration=0)
        api.add_builds("app", 4)
        ingest(api)
        api.builds["app"][130] |= {"building": False, "result": "FAILURE", "duration": 60_000}
        assert counts(ingest(api)) == (1, 4, 0)
        assert counts(ingest(api)) == (0, 0, 0)


MAKERS = {
    "github": lambda: github(60),
    "gitlab": lambda: gitlab(600),
    "airflow": lambda: airflow(600),
    "jenkins": lambda: jenkins(130),
}


@pytest.mark.parametrize("tool", MAKERS)
def test_a_server_that_fails_at_any_time_costs_nothing_and_doubles_nothing(tool, ingest, store):
    with MAKERS[tool]() as api:
        for least in (1, 2, 3, 4):
            api.before = lambda number, least=least: Reply({}, 500) if number > least else None
            with pytest.raises(Unavailable, match="answered 500"):
                ingest(api)
        api.before = lambda number: Reply({}, 502) if number % 3 == 0 else None
        ingest(api)
        interrupted = ids(store)
        api.before = lambda number: None
        assert ingest(api).new == 0
    expected = {"github": 180, "gitlab": 600, "airflow": 600, "jenkins": 390}
    assert len(interrupted) == expected[tool]


@pytest.mark.parametrize(
    ("tool", "header", "value"),
    [
        ("github", "authorization", "Bearer github-token"),
        ("gitlab", "private-token", "gitlab-token"),
        ("airflow", "authorization", "Bearer airflow-token"),
        ("jenkins", "authorization", "Basic YW5uOmplbmtpbnMtdG9rZW4="),
    ],
)
def test_the_login_comes_from_the_environment(tool, header, value, ingest):
    with MAKERS[tool]() as api:
        ingest(api)
        assert {query.headers[header] for query in api.queries} == {value}


@pytest.mark.parametrize("tool", MAKERS)
def test_a_wrong_login_is_named(tool, ingest):
    with MAKERS[tool]() as api:
        api.before = lambda number: Reply({"message": "Bad credentials"}, 401)
        with pytest.raises(BadInput, match=r"answered 401: .*Bad credentials.*may the token read"):
            ingest(api)


def test_a_next_page_on_another_server_is_not_asked_for(ingest):
    elsewhere = {"Link": '<http://evil.example.com/jobs?cursor=1>; rel="next"'}
    with gitlab(3) as api:
        api.before = lambda number: Reply(api.jobs, headers=elsewhere)
        with pytest.raises(Unavailable, match=r"another server, evil\.example\.com"):
            ingest(api)


@pytest.mark.parametrize(
    ("tool", "url", "address"),
    [
        ("github", "https://api.github.com/repos/octo/app", "https://api.github.com/repos/octo/app/"),
        ("github", "https://github.com/octo/app.git", "https://api.github.com/repos/octo/app/"),
        ("github", "https://github.com/octo/app/actions", "https://api.github.com/repos/octo/app/"),
        ("gitlab", "https://git.example.com/a/b/-/jobs", "https://git.example.com/api/v4/projects/a%2Fb/"),
        ("gitlab", "https://git.example.com/api/v4/projects/7/jobs", "https://git.example.com/api/v4/projects/7/"),
        ("airflow", "https://a.example.com/air/api/v2/dags", "https://a.example.com/air/"),
        ("jenkins", "https://ci.example.com/job/app", "https://ci.example.com/job/app/"),
    ],
)  # fmt: skip
def test_an_address_as_a_person_knows_it_will_do(tool, url, address):
    assert api_address(tool, url) == address


@pytest.mark.parametrize(
    ("tool", "url"),
    [("github", "octo"), ("github", "https://github.com/octo"), ("gitlab", "https://gitlab.com/")],
)
def test_an_address_that_names_no_project_is_refused(tool, url):
    with pytest.raises(BadInput, match=r"url: "):
        api_address(tool, url)
