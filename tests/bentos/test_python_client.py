"""The Python client against the service itself."""

import asyncio
from itertools import pairwise

import httpx
import pytest
from sqlalchemy import text

import runlore
from bentos.predict.live_versions import Serving
from runlore.store.engine import Store
from tests.bentos.conftest import Serve
from tests.pages import python_blocks, run_blocks

ANN = runlore.Work(actor="ann", kind="build", scope="web", inputs={"nodes": 4}, execution="b-17")


@pytest.fixture
def url(client: httpx.Client) -> str:
    return str(client.base_url)


def rows(store: Store) -> list[tuple[str, int]]:
    with store.begin() as connection:
        found = connection.execute(text("SELECT id::text, status FROM runlore.ledger ORDER BY id"))
        return [tuple(row) for row in found]


def test_an_answer_is_typed_and_is_on_the_ledger_once(url: str, store: Store) -> None:
    with runlore.Client(url) as service:
        answer = service.predict("duration", **ANN, reasons=2)
    assert rows(store) == [(str(answer.id), 200)]
    assert (answer.spec, answer.version, answer.unit) == ("duration", "7", "s")
    assert answer.low is not None
    assert answer.high is not None
    assert answer.low <= answer.prediction <= answer.high
    assert len(answer.reasons) == 2
    assert answer.raw["history"] == "known"


def test_many_are_answered_in_their_order(url: str) -> None:
    works = [runlore.Work(actor="ann", kind="build", inputs={"nodes": n / 4}) for n in range(5)]
    with runlore.Client(url) as service:
        together = [one.prediction for one in service.predict_many("failure-risk", works)]
        alone = [service.predict("failure-risk", **work).prediction for work in works]
    # The time of day is an input of the model: answers move by some 1e-5 in a second.
    assert together == pytest.approx(alone, abs=3e-4)
    assert min(abs(one - next_one) for one, next_one in pairwise(alone)) > 1e-3


def test_an_execution_and_its_outcome_may_be_reported_twice(url: str) -> None:
    with runlore.Client(url) as service:
        news = []
        for _ in range(2):
            made = service.record_execution(id="b-17", actor="ann", kind="build")
            ended = service.record_outcome("b-17", "failed", outcome={"cost_usd": 0.4})
            news.append((made.is_new, ended.is_new, ended.status))
    assert news == [(True, True, "failed"), (False, False, "failed")]


def test_a_wrong_input_is_named(url: str) -> None:
    with runlore.Client(url) as service, pytest.raises(runlore.BadInput) as caught:
        service.predict("failure-risk", actor="ann", kind="build", inputs={"typo": 3})
    assert caught.value.field == "inputs.typo"


def test_an_unknown_spec_and_a_missing_key_have_their_errors(
    url: str, serve: Serve, serving: Serving
) -> None:
    with runlore.Client(url) as service, pytest.raises(runlore.NotFound, match="failure-risk"):
        service.predict("no-such", actor="ann", kind="build")
    closed = serve(serving, api_keys="required")
    with runlore.Client(str(closed.base_url)) as service, pytest.raises(runlore.AccessDenied):
        service.predict("failure-risk", actor="ann", kind="build")


def test_the_async_client_asks_many_at_once(url: str, store: Store) -> None:
    async def run() -> list[runlore.PredictionResponse]:
        async with runlore.AsyncClient(url) as service:
            return await asyncio.gather(
                *(service.predict("failure-risk", actor=f"a{n}", kind="b") for n in range(20))
            )

    answers = asyncio.run(run())
    assert sorted(str(answer.id) for answer in answers) == [name for name, _ in rows(store)]


def test_the_gate_asks_the_service(url: str) -> None:
    work = {"actor": "ann", "kind": "build"}
    with runlore.Client(url) as service:
        assert service.gate("failure-risk", max=1.0, **work).passes
        assert service.gate("failure-risk", max=0.0, **work).state == "risky"
        assert service.gate("no-such", max=1.0, **work).exit_code == 2


def test_the_examples_of_the_page_run(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that ask a service; the others run in tests/api."""
    written = "http://localhost:3000"
    blocks = [block for block in python_blocks("docs/python.md") if written in block]
    assert len(blocks) == 6
    with pytest.raises(SystemExit, match=r"is above 0\.3"):  # handmade versions answer 50 %
        run_blocks([blocks[2].replace(written, url)], {"runlore": runlore})
    run_blocks([block.replace(written, url) for block in blocks if "SystemExit" not in block], {})
    assert capsys.readouterr().out.endswith("inputs.no_such_input\n")
