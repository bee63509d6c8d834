"""Regressions of series in the store: by command, HTTP and alert."""

import json
from datetime import timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertQuery
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound
from runlore.settings import Settings
from runlore.signals.actions.regressions import (
    RegressionQuery,
    find_regressions,
    watch_regressions,
)
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.points import START, write_points

__all__ = ["serve"]

HOURS, SLOWER_AT = 200, 120
NOW = START + timedelta(hours=HOURS)


@pytest.fixture
def slower(store: Store) -> Store:
    values = 60 * np.random.default_rng(1).normal(1, 0.03, HOURS)
    write_points(store, values, name="wait_seconds", source="executions")
    values[SLOWER_AT:] *= 1.3
    write_points(store, values, name="build_seconds", source="executions")
    write_points(store, values[::-1], name="cpu_seconds", source="executions")
    return store


def test_the_regression_is_found_with_its_start_and_size(slower: Store) -> None:
    (one,) = find_regressions(slower, RegressionQuery(), NOW)
    assert one.series.name == "build_seconds"
    assert abs(one.started_at - (START + timedelta(hours=SLOWER_AT))) <= timedelta(hours=2)
    assert one.change.low < 0.3 < one.change.high
    assert one.is_standing
    before = START + timedelta(hours=SLOWER_AT + 2)
    assert find_regressions(slower, RegressionQuery(), before) == []
    assert find_regressions(slower, RegressionQuery(least=0.5), NOW) == []
    assert find_regressions(slower, RegressionQuery(since=NOW), NOW) == []
    with pytest.raises(NotFound):
        find_regressions(slower, RegressionQuery("nope"), NOW)
    with pytest.raises(BadInput):
        find_regressions(slower, RegressionQuery(least=0), NOW)


def test_a_watch_opens_one_alert_however_often_it_looks(slower: Store) -> None:
    for later in range(3):
        watch_regressions(slower, NOW + timedelta(hours=later))
    with slower.begin() as connection:
        (alert,) = alerts.read(connection, AlertQuery())
    assert (alert.kind, alert.subject) == ("regression", "build_seconds of web-1")


def test_command_and_http_say_the_same(
    slower: Store,
    settings: Settings,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: "pytest.TempPathFactory",
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", slower.url)
    picture = f"{tmp_path}/levels.png"
    at = NOW.isoformat()
    options = ["--least", "20", "--at", at, "--json", "--plot", picture]
    done = CliRunner().invoke(app, ["signals", "regressions", "build_seconds", *options])
    assert done.exit_code == 1, done.output
    service = serve(Serving((), store=slower, live={}))
    answer = service.get("/signals/regressions", params={"least": 20, "at": at})
    assert answer.status_code == 200, answer.text
    assert json.loads(done.stdout)["regressions"][0]["change"] == pytest.approx(
        answer.json()["regressions"][0]["change"]
    )
    for query, field in [("least=x", "least"), ("bad=left", "bad"), ("since=soon", "since")]:
        refused = service.get(f"/signals/regressions?{query}")
        assert refused.status_code == 422
        assert field in refused.text
