"""Questions that templates understand, and those that they say they do not."""

import pytest

from runlore.assistant.actions.tools import BY_NAME
from runlore.assistant.rules.intents import EXAMPLES, read_intent

QUESTIONS = {
    "Will build by ann on web-3 fail with nodes=4?": (
        "predict_failure",
        {"actor": "ann", "kind": "build", "scope": "web-3", "inputs": {"nodes": 4.0}},
    ),
    'what is the risk of kind "nightly etl" by bob': (
        "predict_failure",
        {"actor": "bob", "kind": "nightly etl"},
    ),
    "How long will build by ann take with queue=long?": (
        "predict_duration",
        {"actor": "ann", "kind": "build", "inputs": {"queue": "long"}},
    ),
    "Which time limit for kind build by ann, so that 99 % stay within?": (
        "predict_duration",
        {"actor": "ann", "kind": "build", "level": 0.99},
    ),
    "What happened to run b-17?": ("look_up_runs", {"id": "b-17"}),
    "What happened to «run 7»?": ("look_up_runs", {"id": "run 7"}),
    "Why did run 7 fail?": ("why_failed", {"id": "7"}),
    "Why did nightly-etl on web fail since 2026-11-01?": (
        "why_failed",
        {"kind": "nightly-etl", "scope": "web", "since": "2026-11-01T00:00:00Z"},
    ),
    "why do runs fail?": ("why_failed", {}),
    "Tell me about job 42.": ("look_up_runs", {"id": "42"}),
    "did anything fail?": ("look_up_runs", {"status": "failed"}),
    "What failed by ann since 2026-11-01?": (
        "look_up_runs",
        {"actor": "ann", "since": "2026-11-01T00:00:00Z", "status": "failed"},
    ),
    "How often did kind etl fail on web?": ("look_up_runs", {"kind": "etl", "scope": "web"}),
    "What is odd now on web-3?": ("whats_odd", {"scope": "web-3"}),
    "any alerts?": ("whats_odd", {}),
    "How healthy is everything?": ("whats_odd", {}),
    "How healthy is web-3?": ("whats_odd", {"scope": "web-3"}),
    "Forecast load on web-3 for 2 days.": (
        "forecast",
        {"series": "load", "scope": "web-3", "hours": 48.0},
    ),
    "When does disk_used on web-3 reach 90?": (
        "forecast",
        {"series": "disk_used", "scope": "web-3", "reaches": 90.0},
    ),
    "What would help on web-3?": ("what_helps", {"scope": "web-3"}),
    "stats": ("look_up_runs", {}),
    "Record run b-17 as failed.": ("record_outcome", {"id": "b-17", "status": "failed"}),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_read_as_a_call_that_its_tool_takes(question: str) -> None:
    intent = read_intent(question)
    assert intent is not None
    assert not intent.missing
    assert (intent.tool, dict(intent.arguments)) == QUESTIONS[question]
    BY_NAME[intent.tool].arguments.model_validate(dict(intent.arguments))


def test_each_example_is_read_as_the_intent_that_it_stands_for() -> None:
    for name, example in EXAMPLES.items():
        intent = read_intent(example)
        assert intent is not None, example
        assert not intent.missing, example
        assert intent.name == name


def test_my_work_is_that_of_whoever_asks_and_nothing_is_guessed() -> None:
    asked = read_intent("Will my build fail?", "ann")
    assert asked is not None
    assert asked.arguments == {"actor": "ann", "kind": "build"}
    nobody = read_intent("Will my build fail?")
    assert nobody is not None
    assert nobody.missing == ("actor",)


@pytest.mark.parametrize("question", ["Write me a poem", "", "hello", "rm -rf /", "«record x»"])
def test_what_is_no_question_of_ours_is_not_understood(question: str) -> None:
    assert read_intent(question) is None
