"""Advice from the log: by command, over HTTP and in OpsConductor's words, and what came of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from bench.advice import DAYS, START, make_world
from bentos.predict.live_versions import Serving
from runlore.advice.actions.recommending import list_advice, recommend
from runlore.advice.actions.track_record import score_advice, track_record, withdrawn_kinds
from runlore.advice.queries.advice_ledger import (
    AdviceLook,
    NewAdvice,
    insert_look,
)
from runlore.advice.queries.finished_runs import read_runs
from runlore.cli import app
from runlore.kernel import instants
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.advice.advised_log import write_runs
from tests.bentos.conftest import Serve, serve

__all__ = ["serve"]

NOW = instants.now()
SHIFT = timedelta(days=(NOW - datetime.fromtimestamp(START, UTC)).days - DAYS - 1)
WORLD = make_world(10_001, points=0.18)
WHY = {"actor": "ann", "reason": "web-2 has room"}


def test_what_holds_is_advised_decided_and_scored(
    store: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_runs(store, WORLD.log, SHIFT)
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    service = serve(Serving((), store=store, live={}), api_keys="off")
    nobody = service.get("/ai/learning/recommendations/ann").json()
    assert (nobody["recommendations"], nobody["last_searched"]) == ([], None)
    advised = check_advised(service)
    [host] = [row for row in advised if row["lever"] == "host"]
    check_planned_run(service, host)
    assert service.post(f"/advice/{host['id']}/follow", json=WHY).status_code == 200
    assert service.post(f"/advice/{host['id']}/dismiss", json=WHY).status_code == 409
    check_scored(store, len(advised))
    check_told(service)


def check_advised(service: httpx.Client) -> list[dict[str, Any]]:
    """By command, by the route and in OpsConductor's words the same advice, searched once."""
    done = CliRunner().invoke(app, ["advise", "recommend", "ann", "--json"])
    assert done.exit_code == 0, done.output
    advised: list[dict[str, Any]] = json.loads(done.stdout)["advice"]
    [one] = [row for row in advised if row["lever"] == "host"]
    assert (one["value"], one["action"], one["measure"]) == ("web-2", "use", "failures")
    assert one["low"] < WORLD.change.mean() < one["high"] < 0
    assert "nothing unrecorded differs" in one["assumption"]
    again = service.post("/advice", json={"actor": "ann"}).json()
    assert [row["id"] for row in again["advice"]] == [row["id"] for row in advised]
    assert again["next_look"] == 3_000, "not searched again before the log has grown by half"
    listed = service.get("/ai/learning/recommendations/ann").json()["recommendations"]
    [same] = [row for row in listed if row["change"] == "host"]
    assert (same["recommendation_id"], same["type"]) == (one["id"], "risk_mitigation")
    return advised


def check_planned_run(service: httpx.Client, host: dict[str, Any]) -> None:
    """Advice that the plan does not follow is listed, with the risk of like runs."""
    plan = {"actor": "ann", "kind": host["kind"] or "backup", "scope": "web-3"}
    risk = service.post("/advice/mitigation", json=plan).json()
    assert host["id"] in [row["id"] for row in risk["advice"]]
    assert risk["low"] < risk["rate"] < risk["high"]
    safe = service.post("/advice/mitigation", json=plan | {"scope": "web-2"}).json()
    assert host["id"] not in [row["id"] for row in safe["advice"]]
    told = CliRunner().invoke(app, ["advise", "mitigate", "ann", plan["kind"], "--scope", "web-3"])
    assert "web-2" in told.output


def check_scored(store: Store, advised: int) -> None:
    """Runs since the decision are counted by whether they did as advised."""
    before = instants.now()
    later = make_world(3, points=0.18).log
    write_runs(store, later, SHIFT + timedelta(days=DAYS + 2))
    at = before + timedelta(days=DAYS + 3)
    assert score_advice(store, at) == (advised, 0)
    [row] = [row for row in track_record(store, at) if row.lever == "host"]
    does = later.scope == "web-2"
    assert (row.did_runs, row.did_not_runs) == (does.sum(), (~does).sum())
    failed = later.failed[does].sum(), later.failed[~does].sum()
    assert (row.did_failed, row.did_not_failed) == failed
    assert (row.followed, row.judged, row.held, row.is_withdrawn) == (1, 1, 1, False)
    assert track_record(store, NOW - timedelta(days=1)) == []


def check_told(service: httpx.Client) -> None:
    listed = service.get("/advice").json()["advice"]
    assert {entry["state"] for entry in listed} <= {"open", "followed"}
    stats = service.get("/ai/learning/stats").json()["advice_by_kind"]
    [host] = [row for row in stats if row["change"] == "host"]
    assert (host["given"], host["followed"], host["withdrawn"]) == (1, 1, 0)
    record = CliRunner().invoke(app, ["advise", "record", "--json"])
    assert json.loads(record.stdout)["record"][0]["text"].startswith("of 1 like this, 1 were")


def test_advice_that_does_not_hold_is_withdrawn_alone_and_as_a_kind(store: Store) -> None:
    """Six actors were told that web-3 fails less, of which nothing is true."""
    at = NOW - timedelta(days=DAYS + 2)
    evidence = {"effect": -0.2, "base": 0.3, "edges": None}
    for number in range(6):
        actor = f"agent-{number}"
        log = make_world(40 + number).log
        write_runs(store, log, SHIFT, actor)
        look = AdviceLook("actor", actor, 1, at, 500, 9, 0.05, "")
        made = NewAdvice("actor", actor, "", "host", "web-3", "use", "failures", evidence)
        insert_look(store, look, [made], "ann")
    scored, withdrawn = score_advice(store, NOW)
    assert (scored, withdrawn >= 4) == (6, True)
    assert withdrawn_kinds(store, NOW) == {("host", "failures")}
    reasons = [one.withdrawn_because for one in list_advice(store, NOW)]
    assert sum(reason is not None for reason in reasons) == withdrawn
    assert recommend(store, ("actor", "agent-1"), "ann", NOW).holding == ()
    assert withdrawn_kinds(store, at) == frozenset()


def test_a_log_is_read_as_it_was_known(store: Store) -> None:
    few = WORLD.log.take(np.arange(50))
    write_runs(store, few, SHIFT)
    ends = sorted(few.finished_s)
    middle = datetime.fromtimestamp(ends[20], UTC) + SHIFT
    log = read_runs(store, ("actor", "ann"), middle, middle - timedelta(days=400), 1_000)
    assert len(log) == 21
    assert sorted(log.inputs.columns) == ["cache", "size", "tool"]
    made = recommend(store, ("actor", "ann"), "ann", NOW)
    assert (made.look, made.holding) == (None, ())


def test_bad_requests_are_refused_by_name(
    store: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = serve(Serving((), store=store, live={}), api_keys="off")
    for path, status, field in [
        ("/advice?actor=a&kind=b", 422, "kind"),
        ("/advice?actor=", 422, "actor"),
        ("/advice?as_of=soon", 422, "as_of"),
        ("/advice/record?as_of=soon", 422, "as_of"),
        ("/ai/learning/recommendations/ann?x=1", 422, "x"),
    ]:
        refused = service.get(path)
        assert (refused.status_code, refused.json().get("field")) == (status, field), refused.text
    for path, body, status in [
        ("/advice", {"actor": "nobody"}, 404),
        ("/advice", {}, 422),
        ("/advice", {"actor": "a", "scope": "b"}, 422),
        ("/advice/mitigation", {"actor": "nobody", "kind": "none"}, 404),
        ("/advice/9/follow", WHY, 404),
        ("/advice/x/follow", WHY, 422),
    ]:
        assert service.post(path, json=body).status_code == status, path
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    for arguments in (["recommend"], ["recommend", "a", "--kind", "b"], ["recommend", "nobody"]):
        assert CliRunner().invoke(app, ["advise", *arguments]).exit_code != 0
