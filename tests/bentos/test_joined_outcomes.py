"""Answers over HTTP meet outcomes that come in with a log, when its source is that of HTTP."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.instants import now
from runlore.serving.queries import answers, ledger_query
from runlore.serving.queries.ledger_query import LedgerQuery
from runlore.store.engine import Store

ASKED = {"actor": "ann", "kind": "build", "inputs": {"nodes": 4}, "execution": "b-17"}


@pytest.mark.parametrize(("source", "outcome"), [("api", "failed"), ("builds", None)])
def test_a_log_of_the_source_api_tells_what_came_of_an_answer(
    client: httpx.Client, store: Store, tmp_path: Path, source: str, outcome: str | None
) -> None:
    asked_at = now()
    client.post("/predict/failure-risk", json=ASKED).raise_for_status()
    log = tmp_path / "builds.csv"
    began, ended = asked_at.isoformat(), (asked_at + timedelta(seconds=30)).isoformat()
    log.write_text(
        f"id,actor,kind,submitted,started,finished,status\nb-17,ann,build,{began},{began},{ended},failed\n"
    )
    assert ingest_file(store, FileSource(log, "csv", source), now()).new == 1

    [row] = ledger_query.rows(store, LedgerQuery(source_id="b-17"))
    assert row["outcome"] == outcome
    day = timedelta(days=1)
    scored = answers.read(store, "failure-risk", "7", asked_at - day, asked_at + day).requests
    assert scored["status"].tolist() == [outcome]
    assert client.get("/executions/b-17").status_code == (200 if outcome else 404)
