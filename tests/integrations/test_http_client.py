"""The client that integrations use: what it sends, and what it says when there is no answer."""

import ast
import socket
from pathlib import Path

import httpx
import pytest
from runlore_gate import OnRisk, ask, decide
from runlore_http import (
    PlannedWork,
    PredictionService,
    RequestFailed,
    reason_sentences,
    refused_inputs,
    service_from_environment,
)

from tests.integrations.conftest import RISK, answers
from tests.integrations.http_recorder import Recorder

FOLDER = Path(__file__).parents[2] / "integrations"
WORK = PlannedWork("ann", "build", "web", {"nodes": 4, "colour": "red"}, execution="b-17/a b")


def test_the_service_is_named_by_the_environment() -> None:
    assert service_from_environment({}) == PredictionService("http://127.0.0.1:3000", "", 3.0)
    named = {"RUNLORE_URL": "http://h:1", "RUNLORE_KEY": "rl_k", "RUNLORE_TIMEOUT_S": "0.5"}
    assert service_from_environment(named) == PredictionService("http://h:1", "rl_k", 0.5)
    assert service_from_environment({"RUNLORE_TIMEOUT_S": "soon"}).timeout_s == 3.0


def test_a_prediction_is_sent_with_the_key_and_all_that_is_known(recorder: Recorder) -> None:
    recorder.replies = answers()
    answer = PredictionService(recorder.url + "/below/", "rl_k").predict("failure-risk", WORK)
    assert answer["prediction"] == RISK["prediction"]
    [received] = recorder.requests
    assert received.path == "/below/predict/failure-risk?reasons=3"
    assert received.headers["Authorization"] == "Bearer rl_k"
    assert received.body == {
        "actor": "ann",
        "kind": "build",
        "scope": "web",
        "inputs": {"nodes": 4, "colour": "red"},
        "execution": "b-17/a b",
    }


def test_a_quantile_is_that_of_the_level(recorder: Recorder) -> None:
    recorder.replies = answers(duration=812.5)
    service = PredictionService(recorder.url)
    assert service.quantile("duration", WORK, 0.95) == 812.5
    recorder.replies = lambda _: (200, {"version": "2", "quantiles": None})
    with pytest.raises(RequestFailed, match="version 2 of duration has no quantiles"):
        service.quantile("duration", WORK, 0.95)
    recorder.replies = lambda _: (200, {"support": "none", "quantiles": {"0.95": 8.0}})
    with pytest.raises(RequestFailed, match="duration knows nothing of such work"):
        service.quantile("duration", WORK, 0.95)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (503, {"detail": "duration has no champion"}, "503: duration has no champion"),
        (302, b"", "302"),
        (200, b"<html>", "no JSON object"),
        (200, [], "no JSON object"),
        (401, {"title": "A key is needed"}, "401: A key is needed"),
    ],
)
def test_what_is_no_answer_is_said_in_one_sentence(
    recorder: Recorder, status: int, body: object, message: str
) -> None:
    recorder.replies = lambda _: (status, body)
    with pytest.raises(RequestFailed, match=message):
        PredictionService(recorder.url).predict("duration", WORK)
    assert len(recorder.requests) == 1


def test_a_service_that_is_down_or_silent_is_no_answer() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RequestFailed, match="does not answer"):
            PredictionService(url).predict("duration", WORK)
        silent.listen()
        with pytest.raises(RequestFailed, match="timed out"):
            PredictionService(url, timeout_s=0.05).predict("duration", WORK)


@pytest.mark.parametrize("url", ["", "localhost:3000", "file:///etc/passwd", "http://"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(RequestFailed, match="is no address like"):
        PredictionService(url).predict("duration", WORK)


def test_only_refusals_of_inputs_alone_are_repaired() -> None:
    inputs = {"errors": [{"field": "inputs.a"}, {"field": "inputs.b.c"}]}
    assert refused_inputs(RequestFailed("", 422, inputs)) == {"a", "b.c"}
    mixed = {"errors": [{"field": "inputs.a"}, {"field": "actor"}]}
    assert refused_inputs(RequestFailed("", 422, mixed)) == frozenset()
    assert refused_inputs(RequestFailed("", 409, inputs)) == frozenset()
    assert refused_inputs(RequestFailed("", 422)) == frozenset()


def test_reasons_are_in_the_words_of_the_service() -> None:
    assert reason_sentences(RISK) == ["inputs.gpus: +21 points"]
    worded = {"reasons": [{"text": "requests 4 GPUs: +21 points"}] * 5}
    assert reason_sentences(worded, 2) == ["requests 4 GPUs: +21 points"] * 2
    assert reason_sentences({"reasons": None}) == []


@pytest.mark.parametrize(
    ("risk", "on_risk", "action", "end"),
    [
        (0.2, "fail", None, "(inputs.gpus: +21 points)"),
        (0.5, "fail", None, "(inputs.gpus: +21 points)"),
        (0.6, "log", "log", "more than 50 %: it runs all the same"),
        (0.6, "skip", "skip", "more than 50 %: skipped"),
        (0.6, "fail", "fail", "more than 50 %: not run"),
    ],
)
def test_work_is_kept_back_only_above_the_risk(
    risk: float, on_risk: OnRisk, action: str | None, end: str
) -> None:
    decision = decide(RISK, risk, 0.5, on_risk)
    assert decision.action == action
    assert decision.sentence.endswith(end)


def test_a_service_that_knows_no_risks_keeps_nothing_back(recorder: Recorder) -> None:
    recorder.replies = lambda _: (503, {"detail": "no champion"})
    decision = ask(PredictionService(recorder.url), WORK, 0.5, "fail")
    assert decision.action is None
    assert decision.sentence.startswith("no risk of failure: ")
    with pytest.raises(RequestFailed, match="does not answer"):
        ask(PredictionService("http://127.0.0.1:9"), WORK, 0.5, "fail")


def test_nothing_is_kept_back_of_which_nothing_is_known() -> None:
    decision = decide(RISK | {"support": "none"}, 0.9, 0.5, "fail")
    assert decision.action == "log"
    assert decision.sentence.endswith("but nothing is known of such work: it runs")


def test_a_real_service_answers_without_inputs_that_its_model_does_not_know(
    client: httpx.Client,
) -> None:
    service = PredictionService(str(client.base_url), timeout_s=30)
    answer = service.predict("failure-risk", WORK)
    assert 0 <= answer["prediction"] <= 1
    assert len(reason_sentences(answer)) == 3
    row = client.get(f"/predictions/{answer['id']}").json()
    assert (row["request"]["inputs"], row["source_id"]) == ({"nodes": 4}, "b-17/a b")


def test_a_real_service_takes_executions_and_their_outcomes(client: httpx.Client) -> None:
    service = PredictionService(str(client.base_url), timeout_s=30)
    assert service.submit(WORK, status="running")["is_new"]
    assert service.end("b-17/a b", "failed", outcome={"host": "h1"})["is_new"]
    facts = client.get("/executions/b-17/a b").json()
    assert (facts["actor"], facts["inputs"]) == ("ann", {"nodes": 4, "colour": "red"})
    assert [fact["status"] for fact in facts["facts"]] == ["running", "failed"]


@pytest.mark.parametrize("folder", ["client", "airflow", "github-action", "nextflow", "slurm"])
def test_what_runs_elsewhere_is_written_for_python_3_9(folder: str) -> None:
    paths = sorted((FOLDER / folder).glob("*.py"))
    assert paths
    for path in paths:
        ast.parse(path.read_text(), feature_version=(3, 9))
