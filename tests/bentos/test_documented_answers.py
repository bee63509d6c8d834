"""The table of bodies and answers in docs/serving.md says what the service does."""

import re
from pathlib import Path

import httpx
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
ROW = re.compile(r"^\| ([^|]+) \| (.+) \| (\d{3}) \| (?:`([^`]*)` )?\|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text(encoding="utf-8"))
IN_WORDS = {
    "5,000 × `[`": b"[" * 5000,
    "17 MiB of spaces": b" " * (17 << 20),
    '`{"actor": "` 501 × `a` `", "kind": "b"}`': b'{"actor": "' + b"a" * 501 + b'", "kind": "b"}',
    '`{"actor": "\\xff"}`': b'{"actor": "\xff"}',
}


def test_the_table_is_read() -> None:
    assert len(ROWS) == 20


@pytest.mark.parametrize(("what", "body", "status", "field"), ROWS, ids=[row[0] for row in ROWS])
def test_a_documented_body_gets_the_documented_answer(
    client: httpx.Client, what: str, body: str, status: str, field: str
) -> None:
    content = IN_WORDS.get(body, body.strip("`").encode())
    answer = client.post("/predict/failure-risk", content=content)
    assert (what, answer.status_code) == (what, int(status))
    assert answer.json().get("field", "") == field
    assert "Traceback" not in answer.text


def test_work_that_is_submitted_in_the_future_is_refused(client: httpx.Client) -> None:
    body = {"actor": "a", "kind": "b", "submitted": "2126-01-01T00:00:00Z"}
    answer = client.post("/executions", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "submitted")
