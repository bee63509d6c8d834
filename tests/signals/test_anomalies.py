"""Anomalies of series in the store: by command and HTTP, within a budget, and dismissed."""

import json
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound
from runlore.settings import Settings
from runlore.signals.actions.anomalies import AnomalyQuery, dismiss_anomaly, find_anomalies
from runlore.signals.actions.dismissals import list_dismissals
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.points import END, START, day_and_night, write_points

__all__ = ["serve"]

SPIKE = 300  # hours after START
SPIKE_AT = START + timedelta(hours=SPIKE)
QUERY = AnomalyQuery(END, START, budget=0.2)


@pytest.fixture
def spiked(store: Store) -> Store:
    values = day_and_night()
    values[SPIKE] += 20
    write_points(store, values)
    return store


def test_a_spike_is_found_with_its_evidence(spiked: Store) -> None:
    (found,) = find_anomalies(spiked, QUERY)
    assert (found.kind, found.since, found.scope) == ("point", SPIKE_AT, "web-1")
    assert found.high is not None
    assert found.high < found.seen
    assert found.probability is not None
    assert found.probability < 0.01


def test_only_what_was_known_then_counts(spiked: Store) -> None:
    before = AnomalyQuery(SPIKE_AT - timedelta(hours=1), START, budget=0.2)
    assert find_anomalies(spiked, before) == []
    write_points(
        spiked, np.array([20.0]), first=SPIKE_AT, known_at=END + timedelta(days=1), revision=1
    )
    assert len(find_anomalies(spiked, QUERY)) == 1
    later = AnomalyQuery(END + timedelta(days=1), START, budget=0.2)
    assert [one.kind for one in find_anomalies(spiked, later)] == ["missing"]


def test_a_series_that_moved_with_others_names_them(spiked: Store) -> None:
    values = day_and_night()
    values[SPIKE + 2] += 20
    write_points(spiked, values, name="latency")
    write_points(spiked, values, name="latency", scope="web-2")
    found = find_anomalies(spiked, AnomalyQuery(END, START, scope="web-1", budget=5.0))
    assert {(one.series, *one.others) for one in found} >= {("cpu", "latency"), ("latency", "cpu")}


@pytest.mark.parametrize("method", ["z-score", "iqr", "arima", "isolation-forest"])
def test_other_methods_find_the_spike_too(spiked: Store, method: str) -> None:
    found = find_anomalies(spiked, AnomalyQuery(END, START, budget=5.0, method=method))
    assert SPIKE_AT in {one.since for one in found}


def test_a_new_level_a_flat_line_and_missing_points_have_their_kinds(store: Store) -> None:
    moved, flat = day_and_night(), day_and_night()
    moved[SPIKE:] += 30
    flat[-50:] = flat[-50]
    write_points(store, moved, name="moved")
    write_points(store, flat, name="flat")
    write_points(store, day_and_night()[:300], name="ended")
    listed = find_anomalies(store, AnomalyQuery(END, START, budget=0.5))
    found = {one.series: one for one in listed if one.series}
    assert {name: one.kind for name, one in found.items()} == {
        "moved": "level",
        "flat": "flat",
        "ended": "missing",
    }
    assert found["ended"].until == END


def test_a_dismissed_anomaly_and_smaller_ones_like_it_are_gone_from_then_on(spiked: Store) -> None:
    (found,) = find_anomalies(spiked, QUERY)
    dismissed_at = END + timedelta(hours=1)
    dismiss_anomaly(spiked, found.id, "ann", "nightly backup", dismissed_at)
    assert [one.id for one in find_anomalies(spiked, QUERY)] == [found.id]
    after = find_anomalies(spiked, AnomalyQuery(dismissed_at, START))
    assert found.id not in {one.id for one in after}
    (kept,) = list_dismissals(spiked, dismissed_at)
    assert list_dismissals(spiked, END) == []
    assert (kept.at, kept.direction, kept.reason) == (SPIKE_AT, 1, "nightly backup")
    values = day_and_night()[:30]
    values[10], values[24] = 35.0, 150.0
    write_points(spiked, values, first=END)
    later = END + timedelta(hours=30)
    since = {one.since for one in find_anomalies(spiked, AnomalyQuery(later, START, budget=5))}
    assert END + timedelta(hours=10) not in since
    assert END + timedelta(hours=24) in since


def test_what_cannot_be_is_refused_by_its_field(spiked: Store) -> None:
    for query, field in (
        (AnomalyQuery(END, START, method="magic"), "method"),
        (AnomalyQuery(END, START, budget=float("nan")), "budget"),
        (AnomalyQuery(START, END), "since"),
        (AnomalyQuery(END, START, most_points=359), "scope"),
        (AnomalyQuery(END, START, method="isolation-forest", most_points=6 * 359), "scope"),
    ):
        with pytest.raises(BadInput) as caught:
            find_anomalies(spiked, query)
        assert caught.value.field == field
    for wrong in ("", "nope", "0123456789ab-zz", "0123456789ab-12"):
        with pytest.raises(NotFound, match="no anomaly"):
            dismiss_anomaly(spiked, wrong, "ann", "", END)
    (found,) = find_anomalies(spiked, QUERY)
    calm = f"{found.id.partition('-')[0]}-{int(END.timestamp() - 3600) * 1_000_000:x}"
    with pytest.raises(BadInput, match="no unusual point"):
        dismiss_anomaly(spiked, calm, "ann", "", END)


def test_command_and_http_find_and_dismiss_the_same(
    spiked: Store,
    settings: Settings,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", spiked.url)
    monkeypatch.setenv("COLUMNS", "200")
    options = ["--at", END.isoformat(), "--since", START.isoformat()]
    picture, run = tmp_path / "cpu.png", CliRunner()
    shown = run.invoke(app, ["signals", "anomalies", "cpu", "--plot", str(picture), *options])
    assert shown.exit_code == 0, shown.output
    assert "cpu of web-1" in shown.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    told = json.loads(run.invoke(app, ["signals", "anomalies", "--json", *options]).stdout)
    client: httpx.Client = serve(Serving((), store=spiked, live={}))
    query = {"at": END.isoformat(), "since": START.isoformat()}
    answered = client.get("/signals/anomalies", params=query).json()
    assert [one["id"] for one in answered["anomalies"]] == [one["id"] for one in told["anomalies"]]
    number = answered["anomalies"][0]["id"]
    done = client.post(f"/signals/anomalies/{number}/dismiss", json={"actor": "ann"})
    assert done.status_code == 200, done.text
    assert client.post("/signals/anomalies/x/dismiss", json={}).status_code in {404, 422}
    assert client.get("/signals/anomalies", params={"budget": "many"}).status_code == 422
    assert run.invoke(app, ["signals", "dismiss", number]).exit_code == 0
    rest = run.invoke(app, ["signals", "anomalies", "--since", START.isoformat()])
    assert number not in rest.stdout
    listed = json.loads(run.invoke(app, ["signals", "dismissals", "--json"]).stdout)["dismissals"]
    answered = client.get("/signals/dismissals").json()["dismissals"]
    assert [(row["id"], row["at"]) for row in answered] == [
        (row["id"], row["at"].replace("+00:00", "Z")) for row in listed
    ]
    one, other = (str(row["id"]) for row in listed)
    undone = client.post(f"/signals/dismissals/{one}/undo", json={"actor": "ann"})
    assert undone.json() == {"id": int(one), "is_undone": True}
    for wrong, status in ((one, 404), ("9" * 19, 404), ("x", 422)):
        answer = client.post(f"/signals/dismissals/{wrong}/undo", json={"actor": "ann"})
        assert answer.status_code == status
    assert run.invoke(app, ["signals", "undismiss", other]).exit_code == 0
    assert run.invoke(app, ["signals", "undismiss", other]).exit_code != 0
    again = client.get("/signals/anomalies", params={"since": START.isoformat()}).json()
    assert number in {row["id"] for row in again["anomalies"]}
