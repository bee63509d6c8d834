"""Service objectives over counters as rules of Prometheus."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from runlore.cli import app
from runlore.kernel.errors import Refused
from runlore.signals.actions.exporting import export_objectives
from runlore.signals.rules.objectives.objective_rules import pattern_selector
from runlore.specs.objective_spec import CounterEvents, ObjectiveSpec
from runlore.store.engine import Store
from tests.signals.declared_objectives import BUILDS, REQUESTS

PROMTOOL = shutil.which("promtool")
PLACES = [f"tests.signals.declared_objectives:{name}" for name in ("BUILDS", "REQUESTS")]
ANSWERED = ObjectiveSpec(
    "answered", CounterEvents("asked_total", good='asked_total{*code="2*', scope="web"), 0.99
)
REQUEST = 'http_requests_total{code="%s",instance="a"}'
ASKED = 'asked_total{code="%s",instance="%s"}'
SHARE = 'round(runlore:objective_bad_share{window="5m"}, 0.001)'
ALERTS = 'count by (objective, severity, scope) (ALERTS{alertname="RunloreErrorBudget"})'


def asked_at(expr: str, at: str, values: dict[str, float]) -> dict[str, Any]:
    samples = [{"labels": labels, "value": value} for labels, value in values.items()]
    return {"expr": expr, "eval_time": at, "exp_samples": samples}


def shares(answered: float, requests: float) -> dict[str, float]:
    return {
        '{objective="answered", window="5m"}': answered,
        '{objective="requests", window="5m"}': requests,
    }


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_prometheus_alerts_by_these_rules_when_both_windows_burn(tmp_path: Path) -> None:
    """100 requests a minute. From 2:00 on, 3 % and 20 % fail; those of another scope always do."""
    exported = export_objectives([BUILDS, REQUESTS, ANSWERED], "instance")
    assert list(exported.left_out) == ["builds"]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(dict(exported.groups)))
    counters = {
        REQUEST % 200: "0+100x120 12097+97x60",
        REQUEST % 503: "_x120 0+3x60",
        ASKED % (200, "web"): "0+100x120 12080+80x60",
        ASKED % (500, "web"): "0+0x120 20+20x60",
        ASKED % (500, "other"): "0+50x180",
    }
    firing = {
        f'{{objective="requests", severity="{severity}"}}': 2.0
        for severity in ("critical", "warning")
    } | {
        f'{{objective="answered", severity="{severity}", scope="web"}}': 2.0
        for severity in ("critical", "warning")
    }
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": one, "values": row} for one, row in counters.items()],
                "promql_expr_test": [
                    asked_at(SHARE, "115m", shares(0.0, 0.0)),
                    asked_at(ALERTS, "115m", {}),
                    asked_at(SHARE, "150m", shares(0.2, 0.03)),
                    asked_at(ALERTS, "180m", firing),
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    for command in (("check", "rules", "rules.yml"), ("test", "rules", "test.yml")):
        done = subprocess.run(
            [str(PROMTOOL), *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [
        ("requests_total", 'requests_total{job="a"}'),
        ("requests_total{*}", 'requests_total{job="a"}'),
        ('r{code="500",method="GET"}', 'r{code="500",method="GET",job="a"}'),
        ('r{*code="5??"*', 'r{code=~"5..",job="a"}'),
        ("http_*", '{__name__=~"http_.*",job="a"}'),
        ('r{path="/a.b*"}', 'r{path=~"/a\\\\.b.*",job="a"}'),
    ],
)
def test_a_pattern_selects_the_same_series_in_prometheus(pattern: str, selected: str) -> None:
    assert pattern_selector(pattern, "a", "job") == selected


@pytest.mark.parametrize(
    "pattern", ["cpu load", "", "*", "r{", 'r{code="5', 'r{code="5"} or up', 'r{a="b"x*}', "a}b"]
)
def test_a_pattern_that_prometheus_cannot_select_by_is_refused(pattern: str) -> None:
    with pytest.raises(Refused, match="is no pattern of one metric"):
        pattern_selector(pattern, "*", "instance")


def test_the_command_writes_the_rules_and_says_what_is_left_out(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    monkeypatch.setenv("RUNLORE_OBJECTIVES", json.dumps(PLACES))
    target = tmp_path / "rules.yml"
    command = ["signals", "export-rules", "--objectives"]
    done = CliRunner().invoke(app, [*command, "--output", str(target)])
    assert done.exit_code == 0, done.output
    assert "rules of requests" in done.stdout
    assert "left out: builds: its events are not counted by Prometheus" in done.stdout
    said = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert said["rules"] == yaml.safe_load(target.read_text())
    both = CliRunner().invoke(app, [*command, "--series", "cpu"])
    assert "leave --series out" in both.output + str(both.exception)
    monkeypatch.setenv("RUNLORE_OBJECTIVES", json.dumps(PLACES[:1]))
    none = CliRunner().invoke(app, command)
    assert "no objective has rules to export; builds" in none.output + str(none.exception)
