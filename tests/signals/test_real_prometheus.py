"""A real Prometheus writes into a live service, and its past is read by range queries."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.test_points_over_http import rows
from tests.waiting import wait_until

__all__ = ["serve"]

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus is installed")
CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: itself
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
remote_write:
  - url: {url}/api/v1/write
    queue_config: {{batch_send_deadline: 500ms, max_shards: 1}}
    metadata_config: {{send_interval: 1s}}
"""


@pytest.fixture
def prometheus(serve: Serve, store: Store, tmp_path: Path) -> Iterator[str]:
    """The address of a server that scrapes itself and writes to our service."""
    client = serve(Serving((), store=store))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(port=port, url=str(client.base_url).rstrip("/")))
    command = [
        str(PROMETHEUS),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(60)


def test_prometheus_writes_and_is_read(
    prometheus: str, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = "SELECT count(DISTINCT at) FROM runlore.metrics WHERE source = 'prometheus'"
    wait_until(lambda: rows(store, written)[0][0] >= 3, 60, pause_s=0.2)
    kinds = dict(
        rows(store, "SELECT labels->>'__name__', max(kind) FROM runlore.series GROUP BY 1")
    )
    assert kinds["up"] == "gauge"
    assert kinds["prometheus_http_requests_total"] == "counter"
    up = rows(store, "SELECT name, min(value), max(value) FROM runlore.metrics GROUP BY 1")
    assert ('up{job="itself"}', 0.0, 1.0) in up or ('up{job="itself"}', 1.0, 1.0) in up

    said = httpx.get(f"{prometheus}/api/v1/query", params={"query": "up"}).json()
    assert said["status"] == "success"
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    arguments = ["ingest", "prometheus", prometheus, "up", "--since", "5m", "--step", "1s"]
    chosen = [*arguments, "--source", "past", "--json"]
    first, again = (CliRunner().invoke(app, chosen) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["recorded"] >= 1
    assert json.loads(again.stdout)["known"] >= json.loads(first.stdout)["recorded"]
    kept = rows(store, "SELECT count(*), count(DISTINCT at) FROM runlore.metrics"
                       " WHERE source = 'past'")  # fmt: skip
    assert kept[0][0] == kept[0][1]

    wrong = CliRunner().invoke(app, ["ingest", "prometheus", prometheus, "up{"])
    assert (wrong.exit_code != 0, "refuses 'up{'" in str(wrong.exception)) == (True, True)
