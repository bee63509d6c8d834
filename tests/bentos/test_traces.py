"""Traces of predictions, as a collector gets them from a running service."""

import subprocess
import sys
import timeit
from collections.abc import Callable, Iterator
from itertools import pairwise

import httpx
import pytest

from bentos.predict.live_versions import Serving
from runlore.kernel import spans
from tests.collector import Collector, collecting

Serve = Callable[..., httpx.Client]
REQUEST = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {}}
ROUTE = "POST /predict/{spec}"
STAGES = ["wait for the group", "read states", "features", "model", "ledger commit"]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


def test_a_prediction_is_a_trace_with_its_stages(
    serving: Serving, serve: Serve, collector: Collector
) -> None:
    client = serve(serving, otlp_endpoint=collector.url)
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "private-id"}
    answer = client.post("/predict/duration", json=REQUEST, headers=headers)
    assert answer.status_code == 200, answer.text
    request = collector.await_span(ROUTE)
    assert (request.trace, request.parent, request.service) == (TRACE, PARENT, "runlore-serving")
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/predict/{spec}",
        "http.response.status_code": 200,
        "runlore.spec": "duration",
        "runlore.version": "7",
        "runlore.prediction_id": answer.json()["id"],
    }
    stages = collector.below(request)
    assert [span.name for span in stages] == STAGES
    assert {span.trace for span in stages} == {TRACE}
    for before, after in pairwise(stages):
        assert before.began_ns <= before.ended_ns <= after.began_ns
    assert request.began_ns <= stages[0].began_ns
    assert stages[-1].ended_ns <= request.ended_ns


def test_a_batch_is_a_trace_with_its_stages(
    serving: Serving, serve: Serve, collector: Collector
) -> None:
    client = serve(serving, otlp_endpoint=collector.url)
    assert client.post("/predict/duration/batch", json=[REQUEST] * 3).status_code == 200
    request = collector.await_span(f"{ROUTE}/batch")
    assert [span.name for span in collector.below(request)] == STAGES[1:]


def test_nothing_that_a_client_sent_is_in_a_trace(
    serving: Serving, serve: Serve, collector: Collector
) -> None:
    client = serve(serving, otlp_endpoint=collector.url)
    headers = {"X-Request-ID": "private-1", "User-Agent": "private-2"}
    client.post("/predict/private-3?x=private-4", json={"a": "private-5"}, headers=headers)
    client.get("/private-6", headers=headers)
    collector.await_span("GET (no route)")
    assert "private" not in repr(collector.spans)


@pytest.mark.parametrize("parent", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", "ff" * 500])
def test_a_malformed_traceparent_begins_a_new_trace(
    serving: Serving, serve: Serve, collector: Collector, parent: str
) -> None:
    client = serve(serving, otlp_endpoint=collector.url)
    client.get("/openapi.json", headers={"traceparent": parent})
    request = collector.await_span("GET /openapi.json")
    assert request.parent == ""
    assert len(request.trace.strip("0")) > 8


def test_opentelemetrys_own_variables_are_enough(
    serving: Serving, serve: Serve, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=abc")
    serve(serving).get("/openapi.json")
    collector.await_span("GET /openapi.json")
    assert {name.lower(): value for name, value in collector.headers[0].items()}["api-key"] == "abc"


def test_a_collector_that_is_away_costs_no_answer(serving: Serving, serve: Serve) -> None:
    client = serve(serving, otlp_endpoint="http://127.0.0.1:9")
    assert client.post("/predict/duration", json=REQUEST).status_code == 200


OFF = """
import sys
import bentos.predict.handler, bentos.predict.group_commit
import runlore.serving.actions.prediction_commit
from runlore.kernel.spans import collected, current_span, span, stage
from runlore.web.tracing import flush_traces, start_tracing
assert not start_tracing("serving", None)
with span("x"), collected(), stage("y"):
    assert current_span() is None
flush_traces()
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_without_a_collector_opentelemetry_is_not_even_imported() -> None:
    done = subprocess.run((sys.executable, "-c", OFF), capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_without_a_collector_the_stages_of_a_prediction_cost_microseconds() -> None:
    def predict() -> None:
        spans.note_span(spec="duration")
        spans.current_span()
        with spans.collected():
            for name in STAGES[1:]:
                with spans.stage(name):
                    pass

    assert min(timeit.repeat(predict, number=1000, repeat=5)) / 1000 < 20e-6
