"""Traces of flow runs, as a collector gets them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.rollout import rollout
from runlore.web.tracing import stop_tracing
from tests.collector import Collector, collecting

pytestmark = pytest.mark.slow


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as running:
        monkeypatch.setenv("RUNLORE_OTLP_ENDPOINT", running.url)
        yield running
        stop_tracing()


def test_a_flow_run_is_a_trace_of_its_tasks_with_the_spec(home: Path, collector: Collector) -> None:
    assert rollout("duration") == "nothing"
    flow = collector.await_span("flow rollout")
    [task] = collector.below(flow)
    assert (flow.service, flow.parent) == ("runlore-flow", "")
    assert (task.name, task.trace) == ("task look", flow.trace)
    assert task.attributes == {"runlore.spec": "duration"}
    assert flow.attributes.keys() == {"runlore.spec", "runlore.flow_run_id"}
    assert flow.attributes["runlore.spec"] == "duration"
    assert flow.began_ns <= task.began_ns <= task.ended_ns <= flow.ended_ns
