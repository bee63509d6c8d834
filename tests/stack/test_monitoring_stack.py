"""Prometheus, Alertmanager and Grafana of docker-compose.yml, as far as this can be checked."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from runlore.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = ROOT / "deployments"
RULES = sorted((DEPLOYMENTS / "prometheus" / "rules").glob("*.yml"))
NEEDS_PROMTOOL = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def read(*parts: str) -> Any:
    return yaml.safe_load(DEPLOYMENTS.joinpath(*parts).read_text())


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Path in the container -> path below the project."""
    pairs = (volume.removesuffix(":ro").split(":") for volume in service["volumes"])
    return {inside: outside.removeprefix("./") for outside, inside in pairs}


def promtool(*arguments: str, cwd: Path = DEPLOYMENTS / "prometheus") -> None:
    done = subprocess.run(
        ("promtool", *arguments), cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@NEEDS_PROMTOOL
def test_the_rules_are_valid() -> None:
    promtool("check", "rules", *map(str, RULES))


@NEEDS_PROMTOOL
def test_the_rules_fire_when_they_should_and_not_before() -> None:
    promtool("test", "rules", "rules_test.yml")


@NEEDS_PROMTOOL
def test_the_configuration_of_prometheus_is_valid(tmp_path: Path) -> None:
    shutil.copytree(DEPLOYMENTS / "prometheus", tmp_path / "prometheus")
    (tmp_path / "prometheus" / "metrics.key").write_text("rl_x\n")
    promtool("check", "config", "prometheus.yml", cwd=tmp_path / "prometheus")


def test_every_alert_is_tested_and_documented() -> None:
    alerts = {
        rule["alert"]
        for path in RULES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    tested = (DEPLOYMENTS / "prometheus" / "rules_test.yml").read_text()
    documented = (ROOT / "docs" / "grafana.md").read_text(encoding="utf-8")
    assert len(alerts) == 11
    assert [name for name in alerts if name not in tested] == []
    assert set(re.findall(r"^\| `(Runlore\w+)` \|", documented, re.MULTILINE)) == alerts


def test_prometheus_scrapes_what_compose_starts_with_a_key_from_a_file(
    services: dict[str, Any],
) -> None:
    config = read("prometheus", "prometheus.yml")
    inside = mounts(services["prometheus"])
    assert inside["/etc/prometheus/prometheus.yml"] == "deployments/prometheus/prometheus.yml"
    rules = {path for path in inside if path.startswith("/etc/prometheus/rules/")}
    assert {Path(path).name for path in rules} == {path.name for path in RULES}
    job = config["scrape_configs"][0]
    assert f"/etc/prometheus/{job['authorization']['credentials_file']}" in inside
    assert "/deployments/prometheus/metrics.key" in (ROOT / ".gitignore").read_text().split("\n")
    port = Settings.model_fields["serve_port"].default
    assert job["static_configs"] == [{"targets": [f"serving:{port}"]}]
    targets = re.findall(r"(\w+):\d+", json.dumps(config))
    assert set(targets) - {"1"} <= set(services) | {"127"}


def test_grafana_finds_its_sources_and_its_dashboards(services: dict[str, Any]) -> None:
    inside = mounts(services["grafana"])
    sources = read("grafana", "provisioning", "datasources", "prometheus.yml")["datasources"]
    assert [source["type"] for source in sources] == ["prometheus", "alertmanager"]
    for source in sources:
        host = re.fullmatch(r"http://(\w+):\d+", source["url"])
        assert host
        assert host[1] in services
    [provider] = read("grafana", "provisioning", "dashboards", "runlore.yml")["providers"]
    assert inside[provider["options"]["path"]] == "deployments/grafana/dashboards"
    for outside in inside.values():
        assert outside == "grafana" or (ROOT / outside).exists(), outside


def test_nothing_of_it_is_public_or_calls_home(services: dict[str, Any]) -> None:
    for name in ("prometheus", "alertmanager", "grafana"):
        [port] = services[name]["ports"]
        assert port.startswith("127.0.0.1:")
    given = services["grafana"]["environment"]
    assert given["GF_SECURITY_ADMIN_PASSWORD"].startswith("${RUNLORE_GRAFANA_PASSWORD:?")
    off = {name: value for name, value in given.items() if "ANALYTICS" in name or "NEWS" in name}
    assert len(off) == 6
    assert set(off.values()) == {"false"}
    assert "--cluster.listen-address=" in services["alertmanager"]["command"]


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")
def test_the_configuration_of_alertmanager_is_valid() -> None:
    path = DEPLOYMENTS / "alertmanager" / "alertmanager.yml"
    done = subprocess.run(("amtool", "check-config", path), check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_an_alert_goes_to_a_receiver_that_exists() -> None:
    config = read("alertmanager", "alertmanager.yml")
    assert config["route"]["receiver"] in {one["name"] for one in config["receivers"]}
