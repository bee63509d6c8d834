"""What the flow `monitor` asks for when one of its steps fails."""

from collections.abc import Iterator
from typing import Any

import pytest
from prefect import task

from flows.monitoring import monitor
from flows.runner import in_process
from runlore.stack import Stack
from tasks import monitoring, performance, quality, retraining

pytestmark = pytest.mark.slow


class Found:
    """As much of an outcome as the flow reads."""

    def __init__(self, answer: str) -> None:
        self.verdict = self
        self.answer = answer


DRIFT, SCORES = Found("drift"), Found("below")
STEPS = {
    "compare_features": (monitoring, None),
    "monitor": (monitoring, DRIFT),
    "measure_performance": (performance, SCORES),
    "check_quality": (quality, None),
}


@pytest.fixture(scope="module", autouse=True)
def server(prefect_server: Stack) -> Iterator[None]:
    with in_process(prefect_server.settings):
        yield


def run(patch: pytest.MonkeyPatch, broken: str = "") -> tuple[Any, list[Any]]:
    """The flow's answer or its error, and what it did for requests."""
    did: list[Any] = []
    ran: list[str] = []

    def step(name: str) -> Any:
        def found(*_: Any) -> Any:
            ran.append(name)
            if name == broken:
                raise ValueError(f"{name} is broken")
            return STEPS[name][1]

        return task(name=name)(found)

    for name, (where, _) in STEPS.items():
        patch.setattr(where, name, step(name))
    patch.setattr(monitoring, "has_champion", lambda _: True)
    patch.setattr(retraining, "ask", lambda *given: did.append(given))
    patch.setattr(retraining, "announce", lambda: did.append("announced"))
    try:
        return monitor("quick-risk"), did
    except ValueError as error:
        return str(error), did
    finally:
        assert ran == list(STEPS), "each step once, whichever fails"


def test_drift_and_scores_ask_for_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("quick-risk", DRIFT, SCORES)
    assert run(monkeypatch) == ("drift", [asked, "announced"])


@pytest.mark.parametrize("broken", STEPS)
def test_what_is_found_asks_whatever_else_fails_and_the_run_fails_at_the_end(
    monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    drift = None if broken == "monitor" else DRIFT
    scores = None if broken == "measure_performance" else SCORES
    asked = ("quick-risk", drift, scores)
    done = (f"{broken} is broken", [asked, "announced"])
    assert run(monkeypatch, broken) == done
