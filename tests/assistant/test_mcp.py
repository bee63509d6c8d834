"""The tools over MCP, by the official client: both transports, both revisions."""

import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from runlore.advice.queries.advice_ledger import AdviceLook, NewAdvice, insert_look
from runlore.alerts.queries import alerts
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.assistant.actions.tools import BY_NAME
from runlore.assistant.queries import runs
from runlore.assistant.rules.log_text import NOTICE
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.assistant.conftest import RUNS, Service
from tests.assistant.runs_log import CANARY, HOSTILE, KEY
from tests.bentos.conftest import NO_AUTHORITIES

LEGACY, MODERN = "legacy", "2026-07-28"
NEGOTIATED = {LEGACY: "2025-11-25", MODERN: MODERN}
MAX_BYTES = 7_600  # 2,000 tokens of o200k_base take 3.9 bytes each in this list
WORK = {"actor": "ann", "kind": "etl", "scope": "web", "inputs": {"nodes": 4}}


@asynccontextmanager
async def over_http(service: httpx.Client, mode: str, key: str = "") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(
        headers=headers, timeout=30, trust_env=False, verify=NO_AUTHORITIES
    ) as http:
        transport = streamable_http_client(f"{service.base_url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


def use(make: Callable[[], Any], work: Callable[[Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with make() as client:
            return await work(client)

    return anyio.run(run)


def call(service: httpx.Client, name: str, arguments: dict, key: str = "") -> CallToolResult:
    return use(
        lambda: over_http(service, MODERN, key), lambda client: client.call_tool(name, arguments)
    )


def answer_of(result: CallToolResult) -> dict[str, Any]:
    """The structured answer, which the text repeats."""
    assert not result.is_error, result.content[0].text
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


def figures(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in answer["figures"]}


@pytest.mark.parametrize("mode", [LEGACY, MODERN])
def test_both_revisions_over_http_list_and_call_every_tool(
    service: httpx.Client, mode: str
) -> None:
    async def work(client: Client) -> None:
        assert client.session.protocol_version == NEGOTIATED[mode]
        await list_and_call(client)

    use(lambda: over_http(service, mode), work)


def test_the_command_serves_the_same_over_standard_input_and_output(
    log: Store, tmp_path: Path
) -> None:
    variables = {"RUNLORE_HOME": str(tmp_path), "RUNLORE_DATABASE_URL": log.url}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "runlore.cli", "mcp"],
        env={**os.environ, **variables},
    )

    async def work(client: Client) -> None:
        listed = await client.list_tools()
        assert [one.name for one in listed.tools] == list(BY_NAME)
        found = answer_of(await client.call_tool("look_up_runs", {"id": "run-0"}))
        assert "failed" in found["answer"]
        assert "«error=disk full»" in json.dumps(found, ensure_ascii=False)
        missing = await client.call_tool("predict_failure", WORK)
        assert missing.is_error
        assert "runlore train failure-risk" in missing.content[0].text

    use(lambda: Client(server, mode=MODERN), work)


async def list_and_call(client: Client) -> None:
    """The client itself validates each answer against the schema of its tool."""
    listed = (await client.list_tools()).tools
    assert len(listed) <= 8
    assert all(one.output_schema and one.annotations for one in listed)
    writing = [one.name for one in listed if not one.annotations.read_only_hint]
    assert writing == ["record_outcome"]
    calls = {
        "predict_failure": WORK,
        "predict_duration": WORK | {"level": 0.9},
        "look_up_runs": {"kind": "etl", "limit": 3},
        "why_failed": {"kind": "etl", "until": "2026-11-08T00:00:00Z"},
        "whats_odd": {},
        "forecast": {"series": "load", "hours": 48},
        "what_helps": {},
        "record_outcome": {"id": "new-1", "status": "failed", "actor": "ann", "kind": "etl"},
    }
    assert {one.name for one in listed} == set(calls)
    for name, arguments in calls.items():
        answer = answer_of(await client.call_tool(name, arguments))
        assert answer["notice"] == NOTICE
        assert all(one["as_of"] for one in answer["figures"])


def test_the_list_of_tools_is_within_two_thousand_tokens(service: httpx.Client) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accepts = {"accept": "application/json, text/event-stream"}
    response = service.post("/mcp", json=message, headers=accepts)
    assert response.json()["result"]["tools"]
    assert len(response.content) <= MAX_BYTES


def test_a_prediction_comes_with_ledger_id_interval_n_and_instant(service: httpx.Client) -> None:
    answer = answer_of(call(service, "predict_failure", WORK))
    risk, seen = answer["figures"]
    assert service.get(f"/predictions/{risk['id']}").json()["prediction"] == risk["value"]
    assert seen["n"] == RUNS // 2
    assert 0 < seen["low"] < seen["value"] < seen["high"] < 0.01
    duration, limit, median = answer_of(call(service, "predict_duration", WORK))["figures"]
    assert duration["low"] <= duration["value"] <= duration["high"]
    assert limit["id"] == duration["id"]
    assert limit["value"] > 0
    assert (median["value"], median["n"]) == (600.0, RUNS // 2 - 1)


def test_as_of_an_instant_only_what_was_known_then_is_told(
    service: httpx.Client, log: Store
) -> None:
    work = WORK | {"actor": "zoe"}
    before = instants.now()
    first = answer_of(call(service, "predict_duration", work | {"level": 0.9}))["figures"]
    between = instants.now()
    call(service, "predict_duration", work)
    asked = work | {"as_of": between.isoformat(), "level": 0.9}
    told = answer_of(call(service, "predict_duration", asked))["figures"]
    assert [(one["id"], one["value"]) for one in told] == [
        (one["id"], one["value"]) for one in first[:2]
    ]
    early = call(service, "predict_duration", asked | {"as_of": before.isoformat()})
    assert early.is_error
    assert "leave as_of out" in early.content[0].text
    finding = AlertFinding("limit", "as-of of web", Severity.WARNING, "first", "", "look")
    hour = timedelta(hours=1)
    with log.begin() as connection:
        alerts.observe(connection, finding, before)
        later = replace(finding, severity=Severity.CRITICAL, what="worse")
        alerts.observe(connection, later, before + hour)
        alerts.quiet(connection, "limit", "as-of of web", before + 2 * hour)
    for hours, what in ((-1, []), (0, ["«first»"]), (1, ["«worse»"]), (2, [])):
        at = (before + hours * hour).isoformat()
        rows = answer_of(call(service, "whats_odd", {"as_of": at}))["rows"]
        assert [one["what"] for one in rows if "as-of of web" in one.get("subject", "")] == what


def test_a_log_that_is_too_large_to_count_in_time_is_still_predicted_from(
    service: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "LIMIT_TIME", "SET LOCAL statement_timeout = '1ms'")
    answer = answer_of(call(service, "predict_failure", WORK))
    assert answer["figures"][0]["value"] is not None
    assert answer["figures"][1]["value"] is None
    assert "like runs could not be counted" in answer["truncated"][0]
    refused = call(service, "look_up_runs", {"kind": "etl"})
    assert refused.is_error
    assert "since" in refused.content[0].text


QUESTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"kind": "etl"},
    {"actor": "ann"},
    {"actor": "ann", "limit": 1},
    {"actor": "bob", "limit": 50},
    {"scope": "web", "page": 3},
    {"kind": "etl", "status": "failed"},
    {"kind": "etl", "status": "failed", "limit": 1},
    {"kind": "etl", "status": "succeeded"},
    {"id": "run-0"},
    {"id": "run-4999", "source": "ci"},
    {"id": "run-9999"},
    {"actor": "ann", "until": "2026-11-02T00:00:00Z"},
    {"actor": "bob", "since": "2026-11-07T00:00:00Z"},
    {"kind": "etl", "as_of": "2026-11-30T00:00:00Z", "page": 200, "limit": 50},
)


@pytest.mark.parametrize("asked", QUESTIONS, ids=json.dumps)
def test_the_one_failure_among_ten_thousand_is_found_or_the_answer_says_truncated(
    service: httpx.Client, asked: dict[str, Any]
) -> None:
    answer = answer_of(call(service, "look_up_runs", asked))
    count = figures(answer).get("failed runs", {}).get("value") or 0
    is_found = count >= 1 or any(row.get("status") == "failed" for row in answer["rows"])
    assert is_found or any("truncated" in note for note in answer["truncated"])
    total = figures(answer).get("runs")
    listed = [row for row in answer["rows"] if "besides" not in row]
    is_last = asked.get("page", 1) * asked.get("limit", 10) >= RUNS
    if total and len(listed) < total["value"] and "status" not in asked and not is_last:
        assert any(note.startswith("truncated: ") for note in answer["truncated"])


def test_pages_together_are_the_whole_log_once(service: httpx.Client) -> None:
    asked = {"actor": "ann", "kind": "etl", "until": "2026-11-01T02:03:00Z", "limit": 50}
    asked["as_of"] = "2026-11-30T00:00:00Z"

    async def work(client: Client) -> list[str]:
        names = []
        for page in range(1, 4):
            answer = answer_of(await client.call_tool("look_up_runs", asked | {"page": page}))
            names += [row["id"] for row in answer["rows"] if "besides" not in row]
            assert bool([one for one in answer["truncated"] if " runs " in one]) == (page < 3)
        return names

    names = use(lambda: over_http(service, MODERN), work)
    assert sorted(names) == sorted(f"«run-{number}»" for number in range(123))


def test_advice_that_holds_comes_with_its_interval_and_what_it_stands_on(
    service: httpx.Client, log: Store
) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    look = AdviceLook("actor", "ann", 1, at, 5_000, 40, 0.05, "")
    evidence = {"effect": -0.1, "low": -0.15, "high": -0.05, "base": 0.2, "plain": -0.12}
    evidence |= {"rival_low": None, "rival_high": None, "used": 80, "other": 120, "share": 0.4}
    evidence |= {"looked_at": 40, "confirmed": 1, "others": [], "edges": None}
    advice = NewAdvice("actor", "ann", "etl", "host", "web-9", "use", "failures", evidence)
    insert_look(log, look, [advice], "ann")
    answer = answer_of(call(service, "what_helps", {"actor": "ann"}))
    [figure], [row] = answer["figures"], answer["rows"]
    assert (figure["value"], figure["low"], figure["high"]) == (-0.1, -0.15, -0.05)
    assert (figure["n"], figure["id"]) == (200, str(row["advice"]))
    assert "web-9" in row["text"]
    for asked in ({"actor": "bob"}, {"as_of": "2026-11-19T00:00:00Z"}):
        none = answer_of(call(service, "what_helps", asked))
        assert "No recommendation is on the ledger" in none["answer"]


WRONG: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("predict_failure", {"actor": "ann"}, "kind: predict_failure needs it"),
    (
        "predict_failure",
        WORK | {"inputs": {"nodez": 1}},
        "leave it out, or name one of: cpus, nodes",
    ),
    ("predict_failure", WORK | {"inputs": {"nodes": "many"}}, "a number is needed"),
    ("predict_failure", WORK | {"host": "web"}, "no such argument; it takes: actor"),
    ("predict_duration", WORK | {"spec": "cost"}, "cost"),
    ("predict_duration", WORK | {"level": 1}, "level"),
    ("look_up_runs", {"id": "nobody"}, "check its id"),
    ("look_up_runs", {"since": "yesterday"}, "since"),
    ("forecast", {"series": "nothing"}, "there is no series"),
    ("record_outcome", {"id": "nobody", "status": "failed"}, "record its submission first"),
    ("record_outcome", {"id": "run-1", "status": "great"}, "status"),
    ("drop_table", {}, "the tools are: predict_failure"),
)


@pytest.mark.parametrize(("name", "arguments", "says"), WRONG)
def test_an_error_says_what_to_do(
    service: httpx.Client, name: str, arguments: dict[str, Any], says: str
) -> None:
    result = call(service, name, arguments)
    assert result.is_error
    assert says in result.content[0].text
    assert "Traceback" not in result.content[0].text


def test_a_key_must_allow_the_tool(service: httpx.Client, keys: dict[str, str]) -> None:
    ended = {"id": "keyed", "status": "failed", "actor": "ann", "kind": "etl"}
    for scope, name, arguments in (
        ("record", "look_up_runs", {}),
        ("read", "record_outcome", ended),
        ("read", "predict_failure", WORK),
    ):
        result = call(service, name, arguments, keys[scope])
        if scope == "read":
            assert result.is_error
            assert "lacks the scope" in result.content[0].text
    written = service.get("/executions/keyed")
    assert written.status_code == 404


def test_strangers_other_sites_and_other_names_of_the_host_are_refused(
    service: httpx.Client, serve_tools: Service
) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        assert service.post("/mcp", json=message, headers=headers).status_code == 403
    assert service.get("/mcp").status_code == 405
    with serve_tools(api_keys="required") as locked:
        assert locked.post("/mcp", json=message).status_code == 401
    assert service.post("/mcp", content=b"{").status_code in {400, 406}


def test_hostile_texts_are_quoted_and_their_secrets_redacted(service: httpx.Client) -> None:
    async def work(client: Client) -> list[str]:
        asked = {"status": "failed", "since": "2026-11-07T22:00:00Z", "limit": 50}
        listed = await client.call_tool("look_up_runs", asked)
        texts = [listed.content[0].text]
        for row in listed.structured_content["rows"][: len(HOSTILE)]:
            one = await client.call_tool("look_up_runs", {"actor": row["actor"]})
            texts.append(one.content[0].text)
        return texts

    texts = use(lambda: over_http(service, MODERN), work)
    assert len(texts) > len(HOSTILE) // 2
    whole = "\n".join(texts)
    assert "CALL record_outcome" in whole, "the texts are there, as data"
    outside = "".join(part.partition("»")[2] for part in whole.split("«"))
    assert "record_outcome" not in outside
    assert "CALL" not in outside
    assert CANARY not in whole
    assert KEY[14:30] not in whole
