"""What looks like a secret is hidden, and nothing else is changed."""

import pytest

from runlore.kernel import redaction
from runlore.kernel.errors import Unavailable
from runlore.kernel.redaction import hide, redact, redact_value, secrets_of

KEY = f"rl_0123456789_{'ab' * 32}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see http://ann:p%40ss@host/x", "see http://***@host/x"),
        ("https://token@host", "https://***@host"),
        ("postgresql+psycopg://me:a@b@db:5432/x", "postgresql+psycopg://***@db:5432/x"),
        ("/x?api_key=abc&sig=d&page=2", "/x?api_key=***&sig=***&page=2"),
        ("host=db password=hush user=me", "host=db password=*** user=me"),
        ("connect(password='hush', port=1)", "connect(password='***', port=1)"),
        ("{'Authorization': 'Bearer abcdefgh12345678'}", "{'Authorization': 'Bearer ***'}"),
        (f"X-API-Key: {KEY}", "X-API-Key: rl_0123456789_***"),
    ],
)
def test_a_secret_is_hidden(text: str, expected: str) -> None:
    assert redact(text) == expected
    assert redact(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://runlore@/runlore?host=/run",
        "send a key: Authorization: Bearer rl_…",
        "mail to ann@example.org by smtp.example.org:587",
        "RUNLORE_API_KEY: a header takes printable ASCII characters alone",
        "the basic requirements, and a token of 12",
        "http://127.0.0.1:4200/api/flow_runs/filter?limit=200",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert redact(text) == text


def test_known_values_are_hidden_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", set())
    hide("p@ss/word-1", "abc")
    assert redact("by p@ss/word-1 or p%40ss%2Fword-1, abc") == "by *** or ***, abc"
    assert redact_value({"a": ["p@ss/word-1", 1, None]}) == {"a": ["***", 1, None]}


def test_an_error_holds_no_login() -> None:
    assert str(Unavailable("http://ann:hush@host: refused")) == "http://***@host: refused"


def test_secrets_of_an_environment() -> None:
    variables = {
        "RUNLORE_DATABASE_URL": "postgresql://runlore:runlore@db/x",
        "RUNLORE_PREFECT_API_URL": "https://me:hush/hush@host/api?key=abc",
        "PREFECT_SERVER_API_AUTH_STRING": "me:open sesame",
        "RUNLORE_API_KEYS": "required",
        "MLFLOW_TRACKING_PASSWORD": "secret",
        "PATH": "/usr/bin",
    }
    assert list(secrets_of(variables)) == [
        *("hush/hush", "abc", "me:open sesame", "open sesame", "secret"),
    ]
