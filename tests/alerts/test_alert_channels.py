"""Every kind of channel against a real server on this machine, and what is wrong with channels."""

import json
import logging
import ssl
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import SecretStr

from runlore.alerts import delivery
from runlore.alerts.delivery import (
    DeliveryFailed,
    OutgoingMessage,
    mailing,
    parse,
    posting,
    sending,
)
from runlore.alerts.delivery.channels import AnyChannel
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.alerts.rules.message import Message, compose
from runlore.alerts.rules.state import Event, observe
from runlore.kernel.errors import Misconfigured
from tests.alerts import shapes
from tests.alerts.receivers import Post, Web, http_server, smtp_server

AT = datetime(2026, 11, 1, 6, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"
OF_PLUGINS = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""Apprise looks at all of its plugins; one imports that."""

NASTY = "<!channel> @everyone & \x1b[31m\r\nBcc: all@example.org"


def message(event: Event = "opened", what: str = "kind: 31 % unknown", **more: Any) -> Message:
    found = AlertFinding(
        "drift", "failure-risk", Severity.CRITICAL, what, "on 9,000 rows", "look", AT
    )
    return replace(compose(observe(None, found, AT).alert, event), **more)


def channel(**declared: Any) -> AnyChannel:
    return parse(SecretStr(json.dumps({"it": declared})))["it"]


def send(where: AnyChannel, what: Message) -> None:
    delivery.send(where, OutgoingMessage(what, "runlore-alert-17", AT))


def sent(web: Web, what: Message, **declared: Any) -> dict[str, Any]:
    send(channel(**declared), what)
    return web.taken[-1].body


def test_slack_gets_the_documented_shape_in_which_nobody_is_mentioned(web: Web) -> None:
    body = sent(web, message(what=NASTY * 90), kind="slack", url=f"{web.url}/services/T0/B0/x")
    jsonschema.validate(body, shapes.SLACK)
    assert web.taken[0].path == "/services/T0/B0/x"
    assert "<!channel>" not in body["text"]
    header, _ = body["blocks"]
    assert header["text"]["text"] == "[critical] drift of failure-risk"
    assert (
        "What to do: look"
        in sent(web, message(), kind="slack", url=web.url)["blocks"][1]["text"]["text"]
    )


@pytest.mark.parametrize("event", ["opened", "resolved"])
def test_discord_gets_the_documented_shape_in_which_nobody_is_mentioned(
    web: Web, event: Event
) -> None:
    web.status, web.answer = 204, b""
    body = sent(web, message(event, NASTY * 90), kind="discord", url=f"{web.url}/api/webhooks/1/x")
    jsonschema.validate(body, shapes.DISCORD)
    assert body["allowed_mentions"] == {"parse": []}


def test_pagerduty_opens_acknowledges_and_resolves_one_incident(web: Web) -> None:
    web.status = 202
    declared = {"kind": "pagerduty", "routing_key": KEY, "url": f"{web.url}/v2/enqueue"}
    opened = sent(web, message(what=NASTY * 90), **declared)
    jsonschema.validate(opened, shapes.PAGERDUTY_TRIGGER)
    assert opened["payload"]["severity"] == "critical"
    follow: tuple[Event, ...] = ("acknowledged", "resolved")
    for event, action in zip(follow, ("acknowledge", "resolve"), strict=True):
        body = sent(web, message(event), **declared)
        jsonschema.validate(body, shapes.PAGERDUTY_FOLLOW_UP)
        assert (body["event_action"], body["dedup_key"]) == (action, opened["dedup_key"])


def test_a_cause_with_a_long_name_keeps_a_key_of_its_own(web: Web) -> None:
    declared = {"kind": "pagerduty", "routing_key": KEY, "url": web.url}
    keys = {
        sent(web, message(subject="s" * 199 + end, kind="k" * 60), **declared)["dedup_key"]
        for end in "ab"
    }
    assert len(keys) == 2
    assert max(map(len, keys)) <= 255


def test_pagerduty_is_at_its_documented_address_by_default() -> None:
    assert channel(kind="pagerduty", routing_key=KEY).place == "events.pagerduty.com/…"


def test_a_webhook_gets_everything_with_a_token_and_a_name_for_repeats(web: Web) -> None:
    for event in ("opened", "returned", "escalated", "acknowledged", "resolved"):
        body = sent(web, message(event), kind="webhook", url=web.url, token="hush")
        jsonschema.validate(body, shapes.WEBHOOK)
        assert body["is_open"] is (event != "resolved")
    headers = web.taken[0].headers
    assert headers["authorization"] == "Bearer hush"
    assert headers["idempotency-key"] == "runlore-alert-17"
    assert headers["content-type"] == "application/json"


@OF_PLUGINS
def test_apprise_reaches_what_it_knows(web: Web) -> None:
    send(channel(kind="apprise", url=f"json://127.0.0.1:{web.port}/hook"), message())
    assert web.taken[0].body["title"] == "[critical] drift of failure-risk"
    assert "What to do: look" in web.taken[0].body["message"]
    assert web.taken[0].body["type"] == "failure"
    web.status = 500
    with pytest.raises(DeliveryFailed, match="Apprise could not deliver it"):
        send(channel(kind="apprise", url=f"json://127.0.0.1:{web.port}"), message())
    with pytest.raises(DeliveryFailed, match="Apprise does not know such an address"):
        send(channel(kind="apprise", url="nothing-like-it://x"), message())


# E-mail.


def mailbox(post: Post, **more: Any) -> AnyChannel:
    given = {"host": "127.0.0.1", "port": post.port, "tls": "none", "from": "runlore@example.org"}
    return channel(kind="email", **{**given, "to": ["ops@example.org", "me@example.org"], **more})


def test_an_e_mail_is_plain_text_to_all_with_one_subject_line(post: Post) -> None:
    send(mailbox(post), message(what=NASTY))
    (mail,) = post.mails
    assert post.recipients == [["ops@example.org", "me@example.org"]]
    assert mail["from"] == "runlore@example.org"
    assert mail["subject"].startswith("[critical] drift of failure-risk: <!channel> @everyone &")
    assert mail["bcc"] is None
    assert mail["message-id"] == "<runlore-alert-17@runlore.invalid>"
    assert parsedate_to_datetime(mail["date"]) == AT
    assert "What to do: look" in mail.get_content()


def test_a_subject_in_any_script_arrives_as_it_is(post: Post) -> None:
    send(mailbox(post), message(what="médiane → 20,5 · 中央値"))
    assert post.mails[0]["subject"].endswith("médiane → 20,5 · 中央値")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


@pytest.fixture
def trusting(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))


@pytest.mark.usefixtures("trusting")
def test_a_password_goes_over_tls(context: ssl.SSLContext) -> None:
    with smtp_server(Post(context=context)) as post:
        send(mailbox(post, tls="starttls", user="me", password="hush"), message())
    assert len(post.mails) == len(post.logins) == 1


def test_a_server_without_starttls_gets_no_password(post: Post) -> None:
    with pytest.raises(DeliveryFailed, match="STARTTLS"):
        send(mailbox(post, tls="starttls", user="me", password="hush"), message())
    assert post.logins == []


def test_certificates_are_verified(context: ssl.SSLContext) -> None:
    with (
        smtp_server(Post(context=context)) as post,
        pytest.raises(DeliveryFailed, match="certificate"),
    ):
        send(mailbox(post, tls="starttls"), message())
    with http_server(Web(), context) as web, pytest.raises(DeliveryFailed, match="certificate"):
        send(channel(kind="webhook", url=f"https://127.0.0.1:{web.port}"), message())


@pytest.mark.usefixtures("trusting")
def test_a_certificate_that_is_trusted_is_enough(context: ssl.SSLContext) -> None:
    with http_server(Web(), context) as web:
        send(channel(kind="slack", url=f"https://127.0.0.1:{web.port}/hidden"), message())
    assert len(web.taken) == 1


def test_a_refused_recipient_is_a_failure(post: Post) -> None:
    post.refuses = True
    with pytest.raises(DeliveryFailed, match="no such person"):
        send(mailbox(post), message())


# What goes wrong.


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(web: Web, status: int) -> None:
    with http_server(Web()) as elsewhere:
        web.status, web.headers = status, {"location": elsewhere.url}
        with pytest.raises(DeliveryFailed, match=f"answered {status}: redirects are not followed"):
            send(channel(kind="webhook", url=web.url, token="hush"), message())
    assert elsewhere.taken == []


def test_a_receiver_may_ask_for_patience(web: Web) -> None:
    web.status, web.headers, web.answer = 429, {"retry-after": "30"}, b"slow down"
    with pytest.raises(DeliveryFailed, match="answered 429 slow down") as failed:
        send(channel(kind="webhook", url=web.url), message())
    assert failed.value.retry_after_s == 30


def test_a_server_that_hangs_is_left_after_a_while(
    web: Web, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TOTAL_S", 0.4)
    monkeypatch.setattr(mailing, "TOTAL_S", 0.4)
    web.hangs = post.drips = True
    for where in (channel(kind="webhook", url=web.url), mailbox(post)):
        began = time.monotonic()
        with pytest.raises(DeliveryFailed, match="no answer in time"):
            send(where, message())
        assert time.monotonic() - began < 5


def test_an_endless_answer_is_read_no_further_than_needed(web: Web) -> None:
    web.status, web.answer = 500, b"x" * 5_000_000
    with pytest.raises(DeliveryFailed) as failed:
        send(channel(kind="webhook", url=web.url), message())
    assert len(str(failed.value)) <= 300


def test_whatever_a_plugin_raises_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(url: str, _what: Message) -> bool:
        raise KeyError(url)

    monkeypatch.setattr(sending, "notify", odd)
    with pytest.raises(DeliveryFailed, match="KeyError: '…'"):
        send(channel(kind="apprise", url="json://127.0.0.1/hush"), message())


@OF_PLUGINS
def test_secrets_are_in_no_error_no_log_and_no_representation(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "T0SECRET/B0SECRET/x0SECRET"
    url = f"{web.url}/services/{secret}"
    every = [
        channel(kind="slack", url=url),
        channel(kind="discord", url=url),
        channel(kind="pagerduty", url=web.url, routing_key="x0SECRET"),
        channel(kind="webhook", url=url, token="x0SECRET"),
        channel(kind="apprise", url=f"json://127.0.0.1:{web.port}/{secret}"),
    ]
    web.status = 400
    told = []
    for where in every:
        web.answer = " ".join(["no such thing:", *where.secrets, "x0SECRET"]).encode()
        with pytest.raises(DeliveryFailed) as failed:
            send(where, message())
        told += [str(failed.value), repr(failed.value), repr(where), where.place]
        assert failed.value.__cause__ is None
    assert "SECRET" not in "".join(told)
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ("{", "Invalid JSON"),
        ('{"Ops!": {"kind": "slack", "url": "https://x"}}', "String should match pattern"),
        ('{"ops": {"kind": "carrier-pigeon"}}', "ops: Input tag 'carrier-pigeon'"),
        ('{"ops": {"kind": "slack", "url": "http://h0SECRET/x"}}', "must begin with https"),
        ('{"ops": {"kind": "webhook", "url": "file:///h0SECRET"}}', "not an address like"),
        ('{"ops": {"kind": "slack", "url": "https://x", "utl": "h0SECRET"}}', "ops.slack.utl"),
        (
            '{"ops": {"kind": "email", "host": "h", "tls": "none", "password": "h0SECRET", '
            '"from": "a@b", "to": ["c@d"]}}',
            "a password needs tls",
        ),
        (
            '{"ops": {"kind": "email", "host": "h", "from": "a@b\\nBcc: e@f", "to": ["c@d"]}}',
            "ops.email.from",
        ),
        ('{"ops": {"kind": "email", "host": "h", "from": "a@b", "to": []}}', "ops.email.to"),
    ],
)
def test_a_wrong_channel_is_refused_with_what_is_wrong_and_without_its_secrets(
    declared: str, says: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        parse(SecretStr(declared))
    assert says in str(refused.value)
    assert str(refused.value).startswith("RUNLORE_ALERT_CHANNELS: ")
    assert "SECRET" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_channels_are_no_channels() -> None:
    assert parse(None) == parse(SecretStr(" ")) == {}
