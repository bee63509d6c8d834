"""The client repeats what did not happen, and what the service recognises; nothing else."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

import runlore
from runlore.client.calls import Call
from runlore.client.errors import AnswerLost
from runlore.client.retries import RetryPolicy

PREDICTION = {
    "id": "01a1fcec-53f8-7ad1-9f08-2f0e8aaba075",
    "spec": "failure-risk",
    "version": "7",
    "prediction": 0.25,
    "low": None,
    "high": None,
    "unit": "probability",
    "reasons": None,
    "as_of": "2026-11-29T10:00:00Z",
    "history": "known",
    "something_new": 1,
}
RECORDED = {
    "id": "b-17",
    "source": "api",
    "submitted": "2026-11-29T10:00:00Z",
    "status": "submitted",
    "known_at": "2026-11-29T10:00:00Z",
    "revision": 0,
    "is_new": True,
}
LOST = [httpx.ReadError("gone"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")]
NOT_SENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow")]
BUSY = (503, {"detail": "busy"}, {"Retry-After": "0"})
UNSETTLED = (503, {"detail": "nobody knows"}, {})
Event = httpx.Response | Exception | tuple[int, dict[str, str], dict[str, str]]


class Scripted:
    """A service that answers with these events, one after the other."""

    def __init__(self, *events: Event) -> None:
        self.events = list(events)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        event = self.events.pop(0)
        if isinstance(event, Exception):
            raise event
        if isinstance(event, tuple):
            status, body, headers = event
            return httpx.Response(status, json=body, headers=headers)
        return event


def predicted() -> httpx.Response:
    return httpx.Response(200, json=PREDICTION)


def predict(service: Scripted) -> runlore.PredictionResponse:
    with runlore.Client("http://service", transport=httpx.MockTransport(service)) as client:
        return client.predict("failure-risk", actor="ann", kind="build")


def predict_async(service: Scripted) -> runlore.PredictionResponse:
    return run_async(service, lambda client: client.predict("failure-risk", actor="a", kind="b"))


def run_async(
    service: Scripted, work: Callable[[runlore.AsyncClient], Awaitable[object]]
) -> object:
    async def run() -> object:
        transport = httpx.MockTransport(service)
        async with runlore.AsyncClient("http://service", transport=transport) as client:
            return await work(client)

    return asyncio.run(run())


both = pytest.mark.parametrize("ask", [predict, predict_async])


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []

    async def awaited(pause_s: float) -> None:
        slept.append(pause_s)

    monkeypatch.setattr("runlore.client.synchronous.time.sleep", slept.append)
    monkeypatch.setattr("runlore.client.asynchronous.asyncio.sleep", awaited)
    return slept


@both
@pytest.mark.parametrize("event", [*NOT_SENT, BUSY], ids=repr)
def test_a_prediction_that_did_not_happen_is_repeated(
    ask: Callable[[Scripted], runlore.PredictionResponse], event: Event
) -> None:
    service = Scripted(event, predicted())
    assert ask(service).prediction == 0.25
    assert len(service.requests) == 2


@both
@pytest.mark.parametrize("event", [*LOST, UNSETTLED], ids=repr)
def test_a_prediction_that_may_have_happened_is_not_repeated(
    ask: Callable[[Scripted], runlore.PredictionResponse], event: Event
) -> None:
    service = Scripted(event, predicted())
    with pytest.raises(runlore.Unavailable):
        ask(service)
    assert len(service.requests) == 1


def test_who_loses_an_answer_learns_that_it_may_be_on_the_ledger() -> None:
    with pytest.raises(AnswerLost, match="may be on the ledger"):
        predict(Scripted(LOST[0]))


@pytest.mark.parametrize("event", [*NOT_SENT, *LOST, BUSY, UNSETTLED], ids=repr)
def test_recording_is_repeated_under_one_id(event: Event) -> None:
    service = Scripted(event, httpx.Response(201, json=RECORDED))
    with runlore.Client("http://service", transport=httpx.MockTransport(service)) as client:
        assert client.record_execution(actor="ann", kind="build").is_new
    first, second = (request.content for request in service.requests)
    assert first == second
    assert b'"id":' in first


def test_an_outcome_is_repeated_by_the_async_client() -> None:
    service = Scripted(LOST[0], httpx.Response(200, json=RECORDED))
    run_async(service, lambda client: client.record_outcome("b/17 x", "failed"))
    assert [request.url.raw_path for request in service.requests] == [
        b"/executions/b/17%20x/outcome"
    ] * 2


def test_attempts_end_and_the_last_error_is_raised(pauses: list[float]) -> None:
    service = Scripted(*[NOT_SENT[0]] * 9)
    with pytest.raises(runlore.Unavailable, match="cannot be reached"):
        predict(service)
    assert len(service.requests) == 4
    assert 0.1 <= pauses[0] <= 0.2 <= pauses[1] <= 0.4 <= pauses[2] <= 0.8


def test_a_pause_is_as_long_as_the_service_says_unless_nobody_waits_that_long() -> None:
    call = Call("POST", "/predict/x", {}, is_repeatable=False)
    later = httpx.Response(429, headers={"Retry-After": "21"})
    policy = RetryPolicy(patience_s=30)
    assert policy.pause_s(call, 0, 1.0, later) == 21
    assert policy.pause_s(call, 0, 10.0, later) is None
    assert policy.pause_s(call, 3, 1.0, later) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, runlore.BadInput),
        (401, runlore.AccessDenied),
        (403, runlore.AccessDenied),
        (404, runlore.NotFound),
        (409, runlore.Refused),
        (413, runlore.BadInput),
        (422, runlore.BadInput),
        (429, runlore.RateLimited),
        (500, runlore.Unavailable),
        (503, runlore.Unavailable),
    ],
)
def test_every_status_has_its_error(status: int, kind: type[Exception]) -> None:
    response = httpx.Response(status, json={"detail": "why", "field": "actor"})
    with pytest.raises(kind, match="why") as caught:
        predict(Scripted(response))
    assert type(caught.value) is kind
    if kind is runlore.BadInput:
        assert caught.value.field == "actor"


@pytest.mark.parametrize("text", ["<html>hello</html>", "[]", "{}", '{"id": 7}'])
def test_a_page_that_is_not_runlores_is_an_error_with_its_address(text: str) -> None:
    with pytest.raises(runlore.Unavailable, match="http://service/predict/failure-risk"):
        predict(Scripted(httpx.Response(200, text=text)))


@pytest.mark.parametrize("url", ["localhost:3000", "", "ftp://host", "http://"])
def test_an_address_without_scheme_or_host_is_refused(url: str) -> None:
    with pytest.raises(runlore.BadInput, match="http://localhost:3000") as caught:
        runlore.Client(url)
    assert caught.value.field == "url"


def gate(event: Event, **options: bool) -> runlore.GateAnswer:
    transport = httpx.MockTransport(Scripted(event))
    with runlore.Client("http://service", transport=transport) as client:
        return client.gate("failure-risk", max=0.25, actor="ann", kind="build", **options)


def test_the_gate_lets_through_what_is_at_most_the_limit() -> None:
    answer = gate(predicted())
    assert (answer.passes, answer.state, answer.exit_code) == (True, "passes", 0)
    assert answer.why == "failure-risk 0.25 probability is at most 0.25"


def test_the_gate_stops_what_is_above_the_limit() -> None:
    answer = gate(httpx.Response(200, json=PREDICTION | {"prediction": 0.26}))
    assert (answer.passes, answer.state, answer.exit_code) == (False, "risky", 1)


@pytest.mark.parametrize(("fail_open", "code"), [(False, 2), (True, 0)])
def test_without_an_answer_the_gate_does_as_it_was_set(fail_open: bool, code: int) -> None:
    answer = gate(LOST[0], fail_open=fail_open)
    assert (answer.state, answer.exit_code, answer.prediction) == ("no answer", code, None)
    assert "no answer from http://service" in answer.why


def test_the_async_gate_judges_alike() -> None:
    answer = run_async(
        Scripted(predicted()), lambda c: c.gate("failure-risk", max=0.1, actor="a", kind="b")
    )
    assert answer.state == "risky"


def test_a_key_is_sent_and_never_shown() -> None:
    key = "rl_0123456789_" + "a" * 64
    service = Scripted(httpx.Response(401, json={"detail": f"the key {key} is unknown"}))
    transport = httpx.MockTransport(service)
    with (
        runlore.Client("http://service", key=key, transport=transport) as client,
        pytest.raises(runlore.AccessDenied) as caught,
    ):
        client.predict("failure-risk", actor="ann", kind="build")
    assert service.requests[0].headers["Authorization"] == f"Bearer {key}"
    assert key not in str(caught.value)


def test_both_clients_have_the_same_methods() -> None:
    names = [name for name in vars(runlore.Client) if not name.startswith("_")]
    assert names == [name for name in vars(runlore.AsyncClient) if not name.startswith("_")]


def test_quantiles_are_asked_for_and_read_by_their_level() -> None:
    answer = PREDICTION | {"quantiles": {"0.5": 60.0, "0.95": 90.0}, "support": "good"}
    service = Scripted(httpx.Response(200, json=[answer]))
    with runlore.Client("http://service", transport=httpx.MockTransport(service)) as client:
        works = [runlore.Work(actor="ann", kind="build")]
        [read] = client.predict_many("duration", works, reasons=2, quantiles=[0.5, 0.95])
    assert dict(service.requests[0].url.params) == {"reasons": "2", "quantiles": "0.5,0.95"}
    assert (read.quantiles, read.support) == ({0.5: 60.0, 0.95: 90.0}, "good")
