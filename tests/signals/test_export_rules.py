"""Bands by hour of the week, and the rules of Prometheus that are made of them."""

import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from runlore.cli import app
from runlore.kernel.errors import BadInput, Refused
from runlore.settings import Settings
from runlore.signals.actions.exporting import BandRequest, export_rules
from runlore.signals.rules.forecasts.weekly_band import (
    EPOCH_HOUR,
    HOUR_US,
    WEEK_HOURS,
    learn_weekly_band,
)
from runlore.signals.rules.prometheus_rules import selector
from runlore.store.engine import Store
from tests.signals.points import START, write_points

WEEKS = 6
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")


def weekly(seed: int = 1, weeks: int = WEEKS) -> np.ndarray:
    """100 on weekdays' days, 20 at nights and weekends, from a Monday on."""
    hours = np.arange(weeks * WEEK_HOURS)
    is_busy = (hours // 24 % 7 < 5) & (hours % 24 >= 8) & (hours % 24 < 18)
    noise = np.random.default_rng(seed).normal(0, 1, len(hours))
    return np.where(is_busy, 100.0, 20.0) + noise


def instants(count: int) -> np.ndarray:
    return int(START.timestamp() * 1_000_000) + np.arange(count) * HOUR_US


def test_a_band_follows_the_week_and_holds_its_share_of_weeks_it_has_not_seen() -> None:
    held = []
    for seed in range(20):
        values = weekly(seed, weeks=9)
        cut = 8 * WEEK_HOURS
        band = learn_weekly_band(instants(len(values))[:cut], values[:cut], 0.95)
        hour = (instants(len(values))[cut:] // HOUR_US + EPOCH_HOUR) % WEEK_HOURS
        own = values[cut:]
        held.append(np.mean((own >= band.low[hour]) & (own <= band.high[hour])))
        assert abs(band.coverage - 0.95) < 0.02
    assert 0.93 < np.mean(held) < 0.97
    monday_noon, sunday_noon = 24 + 12, 12
    assert 95 < band.low[monday_noon] < 100 < band.high[monday_noon] < 105
    assert 15 < band.low[sunday_noon] < 20 < band.high[sunday_noon] < 25


def test_the_median_over_weeks_is_the_plain_one() -> None:
    """An oracle: without noise around it, the band's middle is each hour's median."""
    generator = np.random.default_rng(4)
    of_hour = generator.normal(50, 20, WEEK_HOURS)
    values = np.tile(of_hour, 5)
    values[WEEK_HOURS : 2 * WEEK_HOURS] += 1_000.0  # one week was different
    band = learn_weekly_band(instants(len(values)), values, 0.5)
    hour = (instants(WEEK_HOURS) // HOUR_US + EPOCH_HOUR) % WEEK_HOURS
    assert np.allclose(band.low[hour], of_hour)
    assert np.allclose(band.high[hour], of_hour)


@needs_promtool
def test_a_counter_is_exported_as_its_rate(store: Store, tmp_path: Path) -> None:
    rates = weekly() / 3_600
    write_points(store, weekly().cumsum(), name="requests_total", scope="web-1", kind="counter")
    exported = export_rules(store, BandRequest(), START + timedelta(weeks=WEEKS))
    (one,) = exported.bands
    assert one.expr == 'rate(requests_total{instance="web-1"}[14400s])'
    assert one.band.low.min() <= np.median(rates) <= one.band.high.max()
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump(dict(exported.groups), width=10_000))
    done = subprocess.run(
        [str(PROMTOOL), "check", "rules", str(rules)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_has_no_band_is_refused_with_the_reason() -> None:
    values = weekly(weeks=2)
    with pytest.raises(Refused, match="2 weeks have values; bands"):
        learn_weekly_band(instants(len(values)), values, 0.9)
    with pytest.raises(Refused, match="0 weeks"):
        learn_weekly_band(instants(0), np.array([]), 0.9)
    values = weekly()
    values[np.arange(len(values)) % 24 == 3] = np.nan
    with pytest.raises(Refused, match="7 of 168 hours"):
        learn_weekly_band(instants(len(values)), values, 0.9)


@pytest.mark.parametrize(
    "name", ["cpu load", "a.b", 'a{b="c"', 'a{b="c"} or up', 'a{b="c"}{', 'a{b="c"d}', "a}", ""]
)
def test_a_name_that_is_no_metric_is_never_put_into_a_rule(name: str) -> None:
    with pytest.raises(Refused, match="is no metric of Prometheus"):
        selector(name, "x", "instance")


def test_a_scope_is_quoted() -> None:
    assert selector("up", 'a"} or vector(1) #\\', "job") == 'up{job="a\\"} or vector(1) #\\\\"}'


def exported(store: Store, **more: Any) -> dict[str, Any]:
    at = START + timedelta(weeks=WEEKS)
    return dict(export_rules(store, BandRequest(**more), at).groups)


@pytest.fixture
def filled(store: Store) -> Store:
    write_points(store, weekly(), name='load{mode="user"}', scope='we"b-1')
    write_points(store, weekly(), name="not promql", scope="x")
    return store


@needs_promtool
def test_prometheus_alerts_by_these_rules_outside_of_the_band_and_not_inside(
    filled: Store, tmp_path: Path
) -> None:
    """By promtool, whose clock begins on Thursday, 1970-01-01, at 00:00: a night."""
    rules = exported(filled)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules, width=10_000))
    labels = {"series": 'load{mode="user"}', "scope": 'we"b-1'}
    metric = {"mode": "user", "instance": 'we"b-1', "severity": "warning"}
    fires = {"exp_labels": {**labels, **metric}}
    is_quiet = {"alertname": "RunloreOutsideBand", "exp_alerts": []}
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "15m",  # each one costs promtool 30 ms
        "group_eval_order": [group["name"] for group in rules["groups"]],  # else by chance
        "tests": [
            {
                "interval": "5m",
                "input_series": [
                    {
                        "series": 'load{mode="user",instance="we\\"b-1"}',
                        # 20 until 8:00 and 100 until noon, as usual; 20 at noon is not.
                        "values": "20+0x95 100+0x47 20+0x6",
                    }
                ],
                "alert_rule_test": [
                    {"eval_time": "7h", **is_quiet},
                    {"eval_time": "11h", **is_quiet},
                    {"eval_time": "12h", **is_quiet},
                    {"eval_time": "12h15m", "alertname": "RunloreOutsideBand"},
                ],
                "promql_expr_test": [
                    {
                        "expr": "runlore:hour_of_week",
                        "eval_time": "12h",
                        "exp_samples": [{"labels": "runlore:hour_of_week", "value": 96 + 12}],
                    },
                ],
            }
        ],
    }
    only = test["tests"][0]  # type: ignore[index]
    report = rules["groups"][1]["rules"][2]["annotations"]
    fires["exp_annotations"] = {
        "summary": report["summary"].replace("{{ $value }}", "20"),
        "description": report["description"],
    }
    only["alert_rule_test"][-1]["exp_alerts"] = [fires]
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    for command in (("check", "rules", "rules.yml"), ("test", "rules", "test.yml")):
        done = subprocess.run(
            [str(PROMTOOL), *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def runlore(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["signals", "export-rules", *arguments])


def test_the_command_writes_a_file_and_says_what_is_left_out(
    filled: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", filled.url)
    target = tmp_path / "rules.yml"
    done = runlore("--output", str(target), "--level", "0.9")
    assert done.exit_code == 0, done.output
    assert "bands of 1 series" in done.stdout
    assert "left out: not promql (x): 'not promql' is no metric of Prometheus" in done.stdout
    groups = yaml.safe_load(target.read_text())["groups"]
    assert [len(group["rules"]) for group in groups] == [1, 3]
    answer = json.loads(runlore("--json", "--level", "0.9").stdout)
    assert answer["rules"]["groups"] == groups
    assert answer["bands"][0]["weeks"] >= WEEKS


def test_without_any_band_the_reasons_are_the_error(filled: Store) -> None:
    early = START + timedelta(days=8)
    with pytest.raises(Refused, match="no series has a band to export; load"):
        export_rules(filled, BandRequest(), early)
    with pytest.raises(BadInput, match="scope_label"):
        export_rules(filled, BandRequest(scope_label="a b"), early)
