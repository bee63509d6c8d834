"""Metrics come in by OTLP/HTTP, as a real SDK writes them."""

import gzip
import json
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as service
from opentelemetry.proto.metrics.v1 import metrics_pb2

from bentos.predict.live_versions import Serving
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.test_points_over_http import NOW_MS, points, rows

__all__ = ["serve"]

NS = NOW_MS * 1_000_000
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(serve: Serve, store: Store) -> httpx.Client:
    return serve(Serving((), store=store))


def request(temporality: int = 2) -> service.ExportMetricsServiceRequest:
    body = service.ExportMetricsServiceRequest()
    resource = body.resource_metrics.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    resource.resource.attributes.add(key="process.pid").value.int_value = 17
    metrics = resource.scope_metrics.add().metrics
    metrics.add(name="heat", unit="Cel").gauge.data_points.add(time_unix_nano=NS, as_double=21.5)
    total = metrics.add(name="sold")
    total.sum.aggregation_temporality = temporality
    total.sum.is_monotonic = True
    point = total.sum.data_points.add(time_unix_nano=NS, as_int=7)
    point.attributes.add(key="paid").value.bool_value = True
    spread = metrics.add(name="wait", unit="s")
    spread.histogram.aggregation_temporality = 2
    spread.histogram.data_points.add(time_unix_nano=NS, count=4, sum=2.5)
    return body


def test_gauges_sums_and_histograms_are_recorded_from_both_formats(
    client: httpx.Client, store: Store
) -> None:
    sent = gzip.compress(request().SerializeToString())
    first = client.post(
        "/v1/metrics", content=sent, headers=PROTOBUF | {"Content-Encoding": "gzip"}
    )
    again = client.post("/v1/metrics", content=json_format.MessageToJson(request()), headers=JSON)
    assert (first.status_code, again.status_code) == (200, 200), first.text + again.text
    said = service.ExportMetricsServiceResponse.FromString(first.content)
    assert (said.partial_success.rejected_data_points, again.json()) == (0, {})
    kept = [(name, scope, value) for name, scope, _, _, value in points(store)]
    assert kept == [
        ("heat", "shop", 21.5),
        ('sold{paid="true"}', "shop", 7.0),
        ("wait_count", "shop", 4.0),
        ("wait_sum", "shop", 2.5),
    ]
    kinds = rows(store, "SELECT kind, unit FROM runlore.series ORDER BY name")
    assert kinds == [("gauge", "Cel"), ("counter", ""), ("counter", ""), ("counter", "s")]


def test_deltas_are_refused_with_the_setting_that_helps(client: httpx.Client, store: Store) -> None:
    delta = metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
    answer = client.post(
        "/v1/metrics", content=request(delta).SerializeToString(), headers=PROTOBUF
    )
    said = service.ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, said.rejected_data_points) == (200, 1)
    assert "TEMPORALITY_PREFERENCE=cumulative" in said.error_message
    assert len(points(store)) == 3


DEEP = b'{"resourceMetrics":' + b"[" * 100_000
HOSTILE: dict[str, tuple[bytes, dict[str, str], int]] = {
    "no protobuf": (b"\x0a\xff\xff\xff\xff\x0f", PROTOBUF, 400),
    "deep JSON": (DEEP, JSON, 400),
    "deep values": (b'{"a":' * 500 + b"1" + b"}" * 500, JSON, 200),
    "wrong types": (b'{"resourceMetrics": {"a": 1}}', JSON, 400),
    "a list": (b"[1]", JSON, 400),
    "wrong numbers": (b'{"resourceMetrics": [{"scopeMetrics": "x"}]}', JSON, 400),
    "text": (b"hello", {"Content-Type": "text/plain"}, 415),
    "a bomb": (gzip.compress(bytes(64 << 20)), PROTOBUF | {"Content-Encoding": "gzip"}, 413),
    "not gzip": (b"abc", PROTOBUF | {"Content-Encoding": "gzip"}, 400),
    "too many messages": (b"\x0a\x00" * (3 << 20), PROTOBUF, 413),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused(client: httpx.Client, store: Store, name: str) -> None:
    content, headers, status = HOSTILE[name]
    answer = client.post("/v1/metrics", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert points(store) == []


def test_a_point_that_is_not_finite_is_refused_alone(client: httpx.Client, store: Store) -> None:
    document: Any = json_format.MessageToDict(request())
    metrics = document["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    metrics[0]["gauge"]["dataPoints"][0]["asDouble"] = "NaN"
    metrics[0]["gauge"]["dataPoints"][0]["exemplars"] = [
        {"traceId": "5b8efff798038103d269b633813f"}
    ]
    answer = client.post("/v1/metrics", content=json.dumps(document), headers=JSON)
    assert answer.json()["partialSuccess"]["rejectedDataPoints"] == "1"
    assert len(points(store)) == 3
