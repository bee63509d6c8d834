"""A real Prometheus beside a service, for the tests of dashboards and rules."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "deployments" / "prometheus" / "rules").glob("*.yml"))
PATIENCE_S = 60.0
NAME = re.compile(
    r"(?<![\w:\"$])((?:runlore|process|instance|spec|scrape)[_:][a-z0-9_:]+|up)(?=[\s{\[),]|$)"
)
IN_TEXT = re.compile(r'"[^"]*"|\b(?:by|on|group_right)\s*\([^)]*\)')


def metric_names(expr: str) -> set[str]:
    """The metrics that an expression names.

    >>> sorted(metric_names('sum by (instance) (up{job="x"}) / runlore_score{of="up"}'))
    ['runlore_score', 'up']
    """
    return set(NAME.findall(IN_TEXT.sub(" ", expr)))


@dataclass(frozen=True)
class Prometheus:
    client: httpx.Client

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series that an expression gives now; fails where it is none."""
        response = self.client.get("/api/v1/query", params={"query": expr})
        assert response.status_code == 200, (expr, response.text)
        series: list[dict[str, Any]] = response.json()["data"]["result"]
        return series

    def names(self) -> set[str]:
        return set(self.client.get("/api/v1/label/__name__/values").json()["data"])

    def exemplars(self, expr: str) -> list[dict[str, Any]]:
        now = time.time()
        params = {"query": expr, "start": now - 600, "end": now + 60}
        found = self.client.get("/api/v1/query_exemplars", params=params).json()["data"]
        return [exemplar for series in found for exemplar in series["exemplars"]]

    def wait_for(self, expr: str) -> None:
        wait_until(
            lambda: bool(self.query(expr)), PATIENCE_S, lambda: f"{expr}: {self.scrape_error()}"
        )

    def scrape_error(self) -> str:
        targets = self.client.get("/api/v1/targets").json()["data"]["activeTargets"]
        return "; ".join(target["lastError"] for target in targets)


@contextmanager
def prometheus(folder: Path, target: str, key: str) -> Iterator[Prometheus]:
    """Scrapes the target every second, with our job and our rules."""
    config = yaml.safe_load((ROOT / "deployments" / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"] = config["scrape_configs"][:1]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    del config["alerting"]
    (folder / "prometheus.yml").write_text(json.dumps(config))
    (folder / "metrics.key").write_text(f"{key}\n")
    (folder / "rules").mkdir()
    for path in RULES:
        shutil.copy(path, folder / "rules")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = (
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    )
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://{address}", timeout=30, trust_env=False) as client:
            wait_until(lambda: _is_ready(client), PATIENCE_S, (folder / "prometheus.log").read_text)
            yield Prometheus(client)
    finally:
        process.terminate()
        process.wait(60)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False
