"""Federated trainings are requested over HTTP; a worker hears of them, and nothing is charged."""

from datetime import datetime

import httpx
import pytest

from bentos.predict.live_versions import Serving
from runlore.engagement.actions import federated
from runlore.engagement.queries.federated import waiting_since
from runlore.kernel import instants
from runlore.store.engine import Store
from runlore.triggers.rules import ALL_PERSONAS, FEDERATED, due_federated
from tests.bentos.conftest import Serve, serve

__all__ = ["serve"]

TRAININGS = "/privacy/federated-trainings"


def test_a_request_waits_for_a_worker_and_costs_nothing(store: Store, serve: Serve) -> None:
    service = serve(Serving((), store=store, live={}), api_keys="off")
    before = instants.now()
    answer = service.post(TRAININGS, json={"rounds": 2, "averaging": "trimmed_mean"})
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["status"], body["epsilon"], body["rounds"]) == ("requested", 0.5, 2)
    assert (body["releases"], body["personas"], body["version"]) == ([], None, None)
    assert service.get(f"{TRAININGS}/{body['id']}").json() == body
    assert service.get(TRAININGS).json() == {"trainings": [body]}
    past = service.get(TRAININGS, params={"as_of": before.isoformat()})
    assert past.json() == {"trainings": []}
    with store.connect() as connection:
        since = waiting_since(connection)
        assert connection.execute("SELECT count(*) FROM runlore.privacy_spends").fetchone() == (0,)
    assert since == datetime.fromisoformat(body["requested_at"])
    (work,) = due_federated(since)
    assert (work.event, work.resource) == (FEDERATED, ALL_PERSONAS)
    federated.end_training(store, body["id"], "failed", "stopped", instants.now())
    federated.end_training(store, body["id"], "refused", "again", instants.now())
    ended = service.get(f"{TRAININGS}/{body['id']}").json()
    assert (ended["status"], ended["reason"]) == ("failed", "stopped")
    with store.connect() as connection:
        assert due_federated(waiting_since(connection)) == []
    _check_bad_requests(service)


def _check_bad_requests(service: httpx.Client) -> None:
    for body, field in (
        ({"epsilon": 0}, "epsilon"),
        ({"rounds": 21}, "rounds"),
        ({"delta": 0.5}, "delta"),
        ({"family": "tree"}, "family"),
        ({"max_norm": 1e9}, "max_norm"),
    ):
        answer = service.post(TRAININGS, json=body)
        assert answer.status_code == 422, answer.text
        assert field in answer.text
    assert service.get(f"{TRAININGS}/7").status_code == 404
    assert service.get(f"{TRAININGS}/x").status_code == 422


@pytest.mark.parametrize("table", ["trainings", "states", "releases"])
def test_what_was_released_cannot_be_changed(store: Store, table: str) -> None:
    with store.connect() as connection:
        rows = connection.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname = 'only_added'",
            (f"runlore.federated_{table}",),
        ).fetchall()
    assert len(rows) == 1
