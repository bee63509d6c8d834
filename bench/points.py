"""Points a second by remote write, OTLP and JSON, beside a bare COPY of the same points.

    python bench/points.py --requests 50

Each request has 2,000 points of 2,000 series, as a shard of Prometheus sends them. Ours is decoded,
judged, compared with what is known, entered in the catalog and committed, a request at a time; the
bare COPY has its rows ready in memory and puts them into an equal table, committing as often. Both
go to one embedded server, a request of each in turns; HTTP is left out. The bare table has no
trigger that hands its points to the watching of series.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

from bentos.api import points
from runlore.ingest.actions.points import PointBounds, _facts, record_points
from runlore.ingest.queries import facts
from runlore.ingest.rules.points.batch import PointBatch
from runlore.ingest.rules.points.otlp import parse_otlp
from runlore.ingest.rules.points.remote_write import parse_remote_write
from runlore.kernel.instants import from_us, now, to_us
from runlore.settings import Settings
from runlore.store.copying import copy_in
from runlore.store.engine import Store, open_store
from tests.signals.remote_write_bodies import request_v1, request_v2

SERIES = 2_000
STEP_MS = 1_000
TABLE = "CREATE TABLE runlore.bare (LIKE runlore.metrics INCLUDING ALL)"


def labels(place: int) -> dict[str, str]:
    return {"__name__": "load", "host": f"web-{place % 100}", "cpu": str(place), "job": "node"}


def otlp_body(at_ms: int) -> bytes:
    body = metrics_service_pb2.ExportMetricsServiceRequest()
    metric = body.resource_metrics.add().scope_metrics.add().metrics.add(name="load")
    for place in range(SERIES):
        point = metric.gauge.data_points.add(
            time_unix_nano=at_ms * 1_000_000, as_double=place + 0.5
        )
        for name, value in labels(place).items():
            if name != "__name__":
                point.attributes.add(key=name).value.string_value = value
    return body.SerializeToString()


def write_body(make: Callable[..., bytes], at_ms: int) -> bytes:
    return make([(labels(place), [(at_ms, place + 0.5)]) for place in range(SERIES)])


def json_body(at_ms: int) -> bytes:
    at = from_us(at_ms * 1_000).isoformat()
    series = [
        {"name": "load", "labels": labels(place), "points": [{"at": at, "value": place + 0.5}]}
        for place in range(SERIES)
    ]
    return json.dumps({"source": "json", "series": series}).encode()


def parse_json(body: bytes) -> PointBatch:
    return points._batch(points.PointsRequest.model_validate_json(body))


FRONTS: dict[str, tuple[Callable[[int], bytes], Callable[[bytes], PointBatch]]] = {
    "remote write 1.0": (partial(write_body, request_v1), lambda b: parse_remote_write(b, 1)),
    "remote write 2.0": (partial(write_body, request_v2), lambda b: parse_remote_write(b, 2)),
    "OTLP": (otlp_body, lambda b: parse_otlp(b, is_json=False)),
    "JSON": (json_body, parse_json),
}


def record(store: Store, name: str, body: bytes) -> float:
    began = time.perf_counter()
    done = record_points(store, name, FRONTS[name][1](body), now(), PointBounds(100_000))
    took = time.perf_counter() - began
    assert (done.recorded, done.rejects) == (SERIES, ())
    return took


def copy(store: Store, batch: PointBatch) -> float:
    rows = _facts("bare", batch, now(), is_history=False)
    began = time.perf_counter()
    with store.connect() as connection:
        copy_in(connection, "bare", facts.COLUMNS["metrics"], rows.rows)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=50)
    count = parser.parse_args().requests
    start_ms = to_us(now() - timedelta(hours=1)) // 1_000
    measured: dict[str, list[float]] = {name: [] for name in (*FRONTS, "bare COPY")}
    with TemporaryDirectory(prefix="rl-") as home, open_store(Settings(home=Path(home))) as store:
        with store.connect() as connection:
            connection.execute(TABLE)
        for place in range(count):
            at_ms = start_ms + place * STEP_MS
            for name, (make, _) in FRONTS.items():
                measured[name].append(record(store, name, make(at_ms)))
            batch = parse_remote_write(write_body(request_v1, at_ms), 1)
            measured["bare COPY"].append(copy(store, batch))
    copy_s = statistics.median(measured["bare COPY"])
    for name, seconds in measured.items():
        usual, worst = statistics.median(seconds), max(seconds[1:])
        print(f"{name:18} {SERIES / usual:>9,.0f} points/s  slowest {SERIES / worst:>9,.0f}"
              f"  {usual / copy_s:4.1f} x COPY")  # fmt: skip


if __name__ == "__main__":
    main()
