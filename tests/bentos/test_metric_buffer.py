"""Counts of the hot path: none is lost, and an exemplar lies in its bucket."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from bentos.app.gauges import GaugeCollector
from bentos.http import metric_buffer
from bentos.http.latency_exemplars import LatencyExemplars
from bentos.http.metric_buffer import MetricBuffer
from bentos.http.prometheus_metrics import LATENCY_S, exposition, metrics
from bentos.predict.live_versions import Serving
from tests.bentos.conftest import Serve

REQUEST = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {}}
OPEN_METRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}


@given(st.lists(st.floats(0, 100), max_size=50))
def test_a_buffer_gives_what_observing_one_by_one_gives(values: list[float]) -> None:
    direct = Histogram("direct", "…", buckets=LATENCY_S, registry=CollectorRegistry())
    buffered = Histogram("direct", "…", buckets=LATENCY_S, registry=CollectorRegistry())
    buffer = MetricBuffer()

    async def observe_all() -> None:
        for value in values:
            direct.observe(value)
            buffer.observe(buffered, value)

    asyncio.run(observe_all())
    buffer.flush()
    assert list(samples(buffered)) == pytest.approx(list(samples(direct)))


def samples(histogram: Histogram) -> Iterator[float]:
    for metric in histogram.collect():
        yield from (one.value for one in metric.samples if not one.name.endswith("_created"))


def test_nothing_is_lost_while_another_thread_flushes() -> None:
    counter = Counter("counted", "…", registry=CollectorRegistry())
    buffer, is_over = MetricBuffer(), threading.Event()

    def flush_all() -> None:
        while not is_over.is_set():
            buffer.flush()

    flushing = threading.Thread(target=flush_all)
    flushing.start()
    for _ in range(20_000):
        buffer.count(counter)
    is_over.set()
    flushing.join()
    buffer.flush()
    assert counter._value.get() == 20_000


def test_what_is_counted_on_an_event_loop_is_there_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_buffer, "FLUSH_S", 0.01)
    counter = Counter("counted", "…", registry=CollectorRegistry())

    async def count() -> None:
        buffer = MetricBuffer()
        buffer.count(counter, 3)
        assert counter._value.get() == 0
        while counter._value.get() != 3:  # the timeout of the test is the deadline
            await asyncio.sleep(0.005)

    asyncio.run(count())


@given(st.lists(st.floats(0, 20), min_size=1, max_size=20))
def test_an_exemplar_lies_in_its_bucket_and_is_the_newest(values: list[float]) -> None:
    exemplars = LatencyExemplars(LATENCY_S)
    for number, value in enumerate(values):
        exemplars.note("duration", "one", value, str(number))
    labels = {"spec": "duration", "form": "one"}
    metric = Metric("m", "…", "histogram")
    bounds = [*LATENCY_S, float("inf")]
    metric.samples = [Sample("m_bucket", {**labels, "le": str(bound)}, 1.0) for bound in bounds]
    low = -1.0
    for bound, sample in zip(bounds, exemplars.attach(metric).samples, strict=True):
        inside = [str(n) for n, value in enumerate(values) if low < value <= bound]
        newest = None if sample.exemplar is None else sample.exemplar.labels["prediction_id"]
        assert newest == (inside[-1] if inside else None)
        low = bound


def test_open_metrics_are_valid_and_name_the_prediction(client: httpx.Client) -> None:
    metrics().exemplars._newest.clear()
    answer = client.post("/predict/duration", json=REQUEST).json()
    page = client.get("/metrics", headers=OPEN_METRICS)
    assert page.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {one.name: one for one in text_string_to_metric_families(page.text)}
    latency = families["runlore_prediction_duration_seconds"]
    [exemplar] = [sample.exemplar for sample in latency.samples if sample.exemplar]
    assert exemplar.labels == {"prediction_id": answer["id"]}
    assert "# {" not in client.get("/metrics").text


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "application/json", "q=;,,x"])
def test_others_get_the_text_format(client: httpx.Client, accept: str) -> None:
    page = client.get("/metrics", headers={"Accept": accept})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/plain")


def test_a_reading_that_takes_too_long_leaves_the_others(
    serving: Serving, tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("canceling statement due to statement timeout")

    monkeypatch.setattr("bentos.app.gauges.read_database_health", fail)
    monkeypatch.setattr("bentos.app.gauges.read_execution_gauges", fail)
    page, _ = exposition(GaugeCollector(serving, tmp_path))
    assert b"\nrunlore_database_up 1.0\n" in page
    assert b"runlore_backlog{" in page
    assert b"runlore_database_size_bytes" not in page
    assert b"runlore_recent_executions" not in page


def test_actors_have_a_label_only_when_they_are_named(serving: Serving, serve: Serve) -> None:
    client = serve(serving, metrics_actors=("ann",))
    for actor in ("ann", "bob"):
        execution = {**REQUEST, "actor": actor, "id": f"job-of-{actor}"}
        assert client.post("/executions", json=execution).status_code == 201
    page = client.get("/metrics").text
    assert 'runlore_recent_actor_executions{actor="ann",status="submitted"} 1.0' in page
    assert "bob" not in page
    assert 'runlore_recent_executions{status="submitted"} 2.0' in page
