"""What `/metrics` says: of the product, of all workers, in the form that Prometheus wants."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

import runlore
from bentos.app import gauges
from bentos.app.gauges import REREAD_S, GaugeCollector
from bentos.http.prometheus_metrics import exposition, metrics
from bentos.predict.live_versions import Serving
from runlore.alerts.queries import anomalies
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.store.engine import Store

Serve = Callable[..., httpx.Client]
REQUEST = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {}}


def read(page: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(page)}


def values(family: Metric) -> dict[tuple[str, ...], float]:
    """By the values of the labels, in the order of the labels' names."""
    return {
        tuple(text for _, text in sorted(sample.labels.items())): sample.value
        for sample in family.samples
    }


@pytest.fixture
def busy_store(store: Store) -> Store:
    """With a champion, an alert and a history that is behind."""
    with alias_history.writing(store) as history:
        history.add(Change("duration", "champion", "7", "announce", "ann", "it is the first"))
    with store.begin() as connection:
        anomalies.open_anomaly(connection, "drift", "duration", "warning", {}, instants.now())
        connection.execute(text("UPDATE runlore.feature_histories SET is_stale = true"))
    return store


def test_the_product_is_in_the_metrics(serving: Serving, busy_store: Store, serve: Serve) -> None:
    client = serve(serving)
    assert client.post("/predict/duration", json=REQUEST).status_code == 200
    families = read(client.get("/metrics").text)
    assert values(families["runlore_database_up"]) == {(): 1}
    assert values(families["runlore_champion_info"]) == {("duration", "7"): 1}
    assert values(families["runlore_open_alerts"]) == {("drift", "warning"): 1}
    assert values(families["runlore_trainings"]) == {("registered", "duration"): 1}
    assert values(families["runlore_states_behind"])[("duration",)] > 0
    [(_, version)] = values(families["runlore_build_info"])
    assert version == runlore.__version__
    assert values(families["runlore_disk_free_bytes"])[()] > 0
    [(process,)] = values(families["process_resident_memory_bytes"])
    assert process == "worker"
    assert ("duration", "200", "7") in values(families["runlore_predictions"])


def test_a_database_that_is_away_leaves_the_rest_readable(
    serving: Serving, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Store) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(gauges, "read_gauges", fail)
    families = read(serve(serving).get("/metrics").text)
    assert values(families["runlore_database_up"]) == {(): 0}
    assert "runlore_champion_info" not in families
    assert "runlore_build_info" in families
    assert "runlore_requests" in families


def test_the_database_is_read_once_in_a_while(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings: list[float] = []
    now = [0.0]
    original = gauges.read_gauges

    def count(store: Store) -> gauges.ProductGauges:
        readings.append(now[0])
        return original(store)

    monkeypatch.setattr(gauges, "read_gauges", count)
    collector = GaugeCollector(serving, tmp_path, clock=lambda: now[0])
    for now[0] in (0.0, 1.0, REREAD_S - 1, REREAD_S, REREAD_S + 1):
        list(collector.collect())
    assert readings == [0.0, REREAD_S]


def test_old_numbers_are_not_shown_when_the_database_goes_away(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Store) -> None:
        raise Unavailable("away")

    now = [0.0]
    collector = GaugeCollector(serving, tmp_path, clock=lambda: now[0])
    assert "runlore_champion_info" in {family.name for family in collector.collect()}
    monkeypatch.setattr(gauges, "read_gauges", fail)
    now[0] = REREAD_S
    assert "runlore_champion_info" not in {family.name for family in collector.collect()}


def test_what_the_ledger_did_not_take_is_counted(
    serving: Serving, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr("bentos.predict.group_commit._write", fail)
    before = metrics().ledger_failures._value.get()
    assert serve(serving).post("/predict/duration", json=REQUEST).status_code == 503
    after = metrics().ledger_failures._value.get()
    assert after == before + 2  # the answer, and its refusal


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_wrong(serving: Serving, busy_store: Store, tmp_path: Path) -> None:
    metrics().answered("duration", "7", 200)
    metrics().requested("/metrics", "GET", 200, 0.002)
    metrics().took("duration", "one", 0.001)
    page, _ = exposition(GaugeCollector(serving, tmp_path))
    done = subprocess.run(
        ["promtool", "check", "metrics"], check=False, input=page, capture_output=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_names_and_texts_are_as_promtool_wants_them(
    serving: Serving, busy_store: Store, tmp_path: Path
) -> None:
    page, _ = exposition(GaugeCollector(serving, tmp_path))
    families = read(page.decode())
    assert len(families) > 20
    for name, family in families.items():
        assert family.documentation, name
        assert ":" not in name
        assert not name.endswith(("_total", "_count", "_sum", "_bucket")), name
        assert not name.endswith(("_ms", "_mb", "_minutes", "_percent", "_milliseconds")), name
        if family.type == "counter":
            assert all(s.name.endswith(("_total", "_created")) for s in family.samples), name
