"""The GitHub action: its definition, and its script against a server that stands for GitHub."""

import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import risk_comment
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from runlore.records.formats.github import GithubReader
from runlore.records.formats.tool_cells import csv_layout
from tests.integrations.conftest import RISK, answers
from tests.integrations.http_recorder import Received, Recorder, Reply, recording

FOLDER = Path(__file__).parents[2] / "integrations" / "github-action"
ACTION = yaml.safe_load((FOLDER / "action.yml").read_text())
NASTY = "a\n::error::b [x](https://e.vil) <img src=x> @team #12 `c` **d** \u202e $(touch /tmp/x)"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def github() -> Iterator[Recorder]:
    with recording() as server:
        yield server


@pytest.fixture
def run(recorder: Recorder, github: Recorder, tmp_path: Path) -> Run:
    """The action's own command, with the variables that a runner sets."""

    def command(
        event: dict[str, Any] | None = None, **named: str
    ) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "event.json"
        path.write_text(json.dumps({"pull_request": {"number": 5}} if event is None else event))
        [step] = ACTION["runs"]["steps"]
        inputs = {name: str(field.get("default", "")) for name, field in ACTION["inputs"].items()}
        inputs |= {"url": recorder.url, "key": "rl_k", "token": "ghs_t"}
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "GITHUB_ACTION_PATH": str(FOLDER),
            "GITHUB_API_URL": github.url,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_OUTPUT": str(tmp_path / "outputs"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "GITHUB_REPOSITORY": "acme/app",
            "GITHUB_WORKFLOW": "CI",
            "GITHUB_RUN_ID": "77",
            "GITHUB_RUN_ATTEMPT": "2",
            "GITHUB_ACTOR": "ann",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_HEAD_REF": "feature/x",
        }
        for name, value in step["env"].items():
            environment[name] = expanded(value, inputs)
        if not (tmp_path / "python3").exists():
            (tmp_path / "python3").symlink_to(sys.executable)
        return subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            env=environment | named,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return command


def expanded(value: str, inputs: dict[str, str]) -> str:
    value = value.replace("${{ github.action_path }}", str(FOLDER))
    return re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda name: inputs[name[1]], value)


def outputs(tmp_path: Path) -> dict[str, str]:
    lines = (tmp_path / "outputs").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def thread(*comments: dict[str, Any]) -> Callable[[Received], Reply]:
    """GitHub's answers where a pull request has these comments."""
    return lambda got: (200, list(comments)) if got.method == "GET" else (201, {"id": 1})


def test_the_definition_is_a_composite_action() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert {"name", "description", "inputs", "outputs", "runs"} == set(ACTION)
    [step] = ACTION["runs"]["steps"]
    assert set(step) == {"id", "shell", "env", "run"}
    for field in ACTION["inputs"].values():
        assert field["description"].endswith(".")
        assert set(field) <= {"description", "required", "default"}
        assert isinstance(field.get("default", ""), str)
    used = set(re.findall(r"inputs\.([a-z-]+)", str(step["env"])))
    assert used == set(ACTION["inputs"])
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.{step['id']}.outputs.{name} }}}}"


def test_no_input_is_part_of_a_command() -> None:
    [step] = ACTION["runs"]["steps"]
    assert "${{" not in step["run"]


def test_a_pull_request_gets_one_comment(run: Run, github: Recorder, tmp_path: Path) -> None:
    github.replies = thread()
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    looked, wrote = github.requests
    assert (looked.method, looked.path) == (
        "GET",
        "/repos/acme/app/issues/5/comments?per_page=100&page=1",
    )
    assert (wrote.method, wrote.path) == ("POST", "/repos/acme/app/issues/5/comments")
    body = wrote.body["body"]
    assert body.startswith("<!-- runlore-risk ")
    assert "**31 % risk of failure** for CI" in body
    assert html.unescape(body).count("- inputs.gpus: +21 points") == 1
    assert (tmp_path / "summary").read_text() == body


def test_a_later_push_updates_the_comment(run: Run, github: Recorder) -> None:
    github.replies = thread()
    run()
    body = github.requests[-1].body["body"]
    bot = {"login": "github-actions[bot]"}
    others = [
        {"id": 7, "body": "LGTM", "user": {"login": "bob"}},
        {"id": 8, "body": body, "user": {"login": "mallory"}},
        {"id": 9, "body": body, "user": bot},
        {"id": 10, "body": f"> {body}", "user": bot},
    ]
    github.replies = thread(*others)
    run()
    last = github.requests[-1]
    assert (last.method, last.path) == ("PATCH", "/repos/acme/app/issues/comments/9")
    run(GITHUB_WORKFLOW="Nightly")
    assert github.requests[-1].method == "POST"


def test_comments_are_looked_for_on_all_pages(run: Run, github: Recorder) -> None:
    full = [{"id": at, "body": "x", "user": {"login": "bob"}} for at in range(100)]
    github.replies = lambda got: (
        (200, full if got.path.endswith("page=1") else []) if got.method == "GET" else (201, {})
    )
    run()
    assert [path.rpartition("&")[2] for path in github.paths("GET")] == ["page=1", "page=2"]
    assert len(github.paths("POST")) == 1


def test_each_secret_goes_to_its_own_address(
    run: Run, github: Recorder, recorder: Recorder
) -> None:
    recorder.replies = answers(duration=700.0)
    github.replies = thread()
    run()
    assert {got.headers["Authorization"] for got in github.requests} == {"Bearer ghs_t"}
    assert {got.headers["Authorization"] for got in recorder.requests} == {"Bearer rl_k"}
    github.requests.clear()
    done = run(GITHUB_API_URL="http://e.vil.example")
    assert (done.returncode, github.requests) == (0, [])
    assert "is not https: the token is not sent there" in done.stdout


def test_outputs_say_what_is_known(run: Run, recorder: Recorder, tmp_path: Path) -> None:
    recorder.replies = answers(0.62, duration=700.0)
    run()
    assert outputs(tmp_path) == {
        "probability": "0.62",
        "verdict": "risky",
        "timeout-minutes": "12",
    }
    assert recorder.paths()[1] == "/predict/duration?quantiles=0.99"


def test_the_step_fails_only_if_it_is_to(run: Run, recorder: Recorder, tmp_path: Path) -> None:
    recorder.replies = answers(0.62)
    assert run().returncode == 0
    assert run(FAIL_ABOVE="0.7").returncode == 0
    failed = run(FAIL_ABOVE="0.6")
    assert failed.returncode == 1
    assert "::error::62 % risk is more than fail-above, 60 %" in failed.stdout
    wrong = run(FAIL_ABOVE="60%")
    assert (wrong.returncode, wrong.stderr) == (1, "fail-above: '60%' is no number from 0 to 1\n")


def test_a_service_that_is_down_fails_nothing(run: Run, github: Recorder, tmp_path: Path) -> None:
    done = run(FAIL_ABOVE="0.1", RUNLORE_URL="http://127.0.0.1:9")
    assert (done.returncode, github.requests) == (0, [])
    assert "::warning::Runlore has no answer: http://127.0.0.1" in done.stdout
    assert outputs(tmp_path) == {
        "probability": "",
        "verdict": "unknown",
        "timeout-minutes": "360",
    }


@pytest.mark.parametrize(
    ("reply", "warning"),
    [
        (
            (403, {"message": "Resource not accessible"}),
            "answers with 403: Resource not accessible",
        ),
        ((200, [None, 3]), "::warning::The comment was not written: "),
        ((200, {"message": "odd"}), "GitHub's list of comments is no list"),
    ],
)
def test_a_comment_that_github_refuses_fails_nothing(
    run: Run, github: Recorder, reply: Reply, warning: str
) -> None:
    github.replies = lambda _: reply
    done = run()
    assert done.returncode == 0
    assert warning in done.stdout


@pytest.mark.parametrize("reply", [{"reasons": [3], "prediction": 0.1}, {"prediction": "high"}])
def test_an_answer_that_makes_no_sense_fails_nothing(
    run: Run, recorder: Recorder, reply: dict[str, Any]
) -> None:
    recorder.replies = lambda _: (200, reply)
    done = run(FAIL_ABOVE="0.05")
    assert done.returncode == 0
    assert "::warning::Runlore has no answer: " in done.stdout


def test_a_run_of_which_nothing_is_known_has_no_verdict(
    run: Run, recorder: Recorder, github: Recorder, tmp_path: Path
) -> None:
    recorder.replies = lambda _: (200, RISK | {"prediction": 0.9, "support": "none"})
    github.replies = thread()
    assert run(FAIL_ABOVE="0.5").returncode == 0
    assert outputs(tmp_path)["verdict"] == "unknown"
    assert "Nothing like this run has been seen before" in github.requests[-1].body["body"]


@pytest.mark.parametrize(
    ("event", "named"),
    [({}, {}), (None, {"COMMENT": "false"}), (None, {"COMMENT_TOKEN": ""}), ({"number": "5"}, {})],
)
def test_without_a_pull_request_or_a_token_nothing_is_written(
    run: Run, github: Recorder, event: dict[str, Any] | None, named: dict[str, str]
) -> None:
    assert run(event, **named).returncode == 0
    assert github.requests == []


def test_text_of_users_stays_text(
    run: Run, github: Recorder, recorder: Recorder, tmp_path: Path
) -> None:
    reasons = [{"text": NASTY}]
    recorder.replies = lambda _: (200, RISK | {"reasons": reasons, "version": "3\nx=y"})
    github.replies = thread()
    done = run(GITHUB_WORKFLOW=NASTY, GITHUB_HEAD_REF=NASTY, GITHUB_ACTOR="$(id)")
    assert done.returncode == 0
    assert not any(line.startswith("::") for line in done.stdout.splitlines())
    assert set(outputs(tmp_path)) == {"probability", "verdict", "timeout-minutes"}
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(github.requests[-1].body["body"])
    assert set(re.findall(r"<(\w+)", rendered)) == {"p", "strong", "ul", "li", "sub"}
    assert not re.search(r"@\w|#\d", html.unescape(rendered))


@given(text=st.text(max_size=80))
@example(text=NASTY)
@example(text="- a\n\n# b\n\n    c\n\n1. d\n> e | f \\")
@example(text="&#60;b&#62; &lt;i&gt; https://e.vil www.e.vil ~~x~~ \ud800 \x00")
def test_shown_text_reads_as_it_was(text: str) -> None:
    plain = risk_comment.plain(text)
    rendered = MarkdownIt("commonmark").render(f"- {plain}")
    shown = html.unescape(re.sub(r"</?(ul|li)>\n?", "", rendered)).replace("\u200b", "")
    meant = risk_comment.UNSEEN.sub(" ", text)[: risk_comment.SHOWN_CHARACTERS]
    assert "<" not in plain
    assert "\n" not in plain
    assert shown.split() == meant.split()


@pytest.mark.parametrize(
    ("event", "named", "columns"),
    [
        ({}, {"GITHUB_EVENT_NAME": "push", "GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "main"}, {}),
        (
            {"pull_request": {"head": {"repo": {"full_name": "bob/app"}}}},
            {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_HEAD_REF": "main"},
            {"head_repository.full_name": "bob/app"},
        ),
    ],
)
def test_a_run_is_the_execution_that_an_ingest_makes(
    tmp_path: Path, event: dict[str, Any], named: dict[str, str], columns: dict[str, str]
) -> None:
    row = {
        "id": "77",
        "run_attempt": "2",
        "name": "CI",
        "head_branch": "main",
        "event": named["GITHUB_EVENT_NAME"],
        "status": "completed",
        "conclusion": "success",
        "created_at": "2026-11-03T10:00:00Z",
        "run_started_at": "2026-11-03T10:00:05Z",
        "updated_at": "2026-11-03T10:09:00Z",
        "triggering_actor.login": "ann",
        "triggering_actor.type": "User",
        "repository.full_name": "acme/app",
        "head_repository.full_name": "acme/app",
    } | columns
    header = f"{','.join(row)}\n".encode()
    layout = csv_layout(header, GithubReader("github"))
    [execution] = layout.parse(",".join(row.values()).encode(), 2).records.to_pylist()
    (tmp_path / "event").write_text(json.dumps(event | {"sender": {"type": "User"}}))
    environment = {
        "GITHUB_EVENT_PATH": str(tmp_path / "event"),
        "GITHUB_ACTOR": "cid",
        "GITHUB_TRIGGERING_ACTOR": "ann",
        "GITHUB_WORKFLOW": "CI",
        "GITHUB_RUN_ID": "77",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_REPOSITORY": "acme/app",
    }
    work = risk_comment.work_of(environment | named)
    assert (work.execution, work.actor) == (execution["source_id"], execution["actor"])
    assert (work.kind, work.scope) == (execution["kind"], execution["scope"])
    assert dict(work.inputs) == json.loads(execution["inputs"])


def test_a_real_service_is_asked(run: Run, github: Recorder, client: httpx.Client) -> None:
    github.replies = thread()
    done = run(RUNLORE_URL=str(client.base_url), RUNLORE_KEY="", RUNLORE_TIMEOUT_S="30")
    assert done.returncode == 0, done.stdout
    assert "% risk of failure" in github.requests[-1].body["body"]
