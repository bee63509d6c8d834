"""Lines of login services in many dialects: each is an event, a counted line or a reject."""

import gzip
import json
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.kernel.instants import to_us
from runlore.records.formats import auth_log
from runlore.records.formats.audit import layout as audit_layout
from runlore.records.formats.journal import JournalLayout

NOW = to_us(datetime(2026, 3, 10, 12, tzinfo=UTC))


def read(*lines: str, year=None, timezone="UTC"):
    return auth_log.AuthLogLayout("log", timezone, NOW, year).parse(
        "".join(f"{line}\n" for line in lines).encode(), 1
    )


def told(parsed):
    """(kind, status, actor, scope, inputs) of each event."""
    frame = parsed.records.to_pandas()
    return [
        (row.kind, row.status, row.actor, row.scope, json.loads(row.inputs))
        for row in frame.itertuples()
    ]


HEAD = "Mar  9 04:05:06 web-1 "
CASES = [
    (
        "sshd[9]: Failed password for root from 203.0.113.9 port 22 ssh2",
        ("login", "failed", "root", {"source_ip": "203.0.113.9"}),
    ),
    (
        "sshd-session[9]: Failed password for invalid user a b from 2001:db8::7 port 22 ssh2",
        ("login", "failed", "a b", {"source_ip": "2001:db8::7", "user_is_known": False}),
    ),
    (
        "sshd[9]: Failed password for invalid user x from 192.0.2.1 port 1 ssh2:  from 203.0.113.9"
        " port 22 ssh2",
        ("login", "failed", "x from 192.0.2.1 port 1 ssh2: ", {"source_ip": "203.0.113.9"}),
    ),
    (
        "sshd[9]: Accepted publickey for ann from 203.0.113.9 port 22 ssh2: ED25519 SHA256:abc+/1",
        ("login", "succeeded", "ann", {"authentication_method": "publickey"}),
    ),
    (
        "sshd[9]: Illegal user test from 203.0.113.9",
        ("unknown-user", "failed", "test", {"source_ip": "203.0.113.9"}),
    ),
    (
        "sshd[9]: Connection closed by authenticating user bob 203.0.113.9 port 5 [preauth]",
        ("connection", "failed", "bob", {"source_ip": "203.0.113.9"}),
    ),
    (
        "sshd[9]: Disconnecting invalid user eve 203.0.113.9 port 5: Too many authentication"
        " failures [preauth]",
        ("login-limit", "failed", "eve", {"source_ip": "203.0.113.9"}),
    ),
    (
        "sshd[9]: Unable to negotiate with 203.0.113.9 port 5: no matching key exchange method",
        ("connection", "failed", "", {"source_ip": "203.0.113.9"}),
    ),
    (
        "sshd(pam_unix)[9]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser="
        " rhost=203.0.113.9  user=root",
        ("login", "failed", "root", {"source_ip": "203.0.113.9", "authentication_method": "pam"}),
    ),
    (
        "sudo:      ann : TTY=pts/0 ; PWD=/home/ann ; USER=root ; COMMAND=/usr/bin/systemctl stop"
        " auditd --token=secret",
        (
            "command",
            "succeeded",
            "ann",
            {
                "process_name": "systemctl",
                "process_purpose": "stop-logging",
                "user_effective_name": "root",
            },
        ),
    ),
    (
        "sudo:  bob : 3 incorrect password attempts ; TTY=pts/1 ; PWD=/ ; USER=root ;"
        " COMMAND=/bin/bash",
        ("command", "failed", "bob", {"process_name": "bash"}),
    ),
    (
        "su: FAILED SU (to root) bob on pts/1",
        ("switch-user", "failed", "bob", {"user_effective_name": "root"}),
    ),
    (
        "su(pam_unix)[9]: session opened for user news by (uid=0)",
        ("switch-user", "succeeded", "uid 0", {"user_effective_name": "news"}),
    ),
    (
        "useradd[9]: new user: name=eve, UID=0, GID=0, home=/home/eve, shell=/bin/sh, from=pts/0",
        ("user-created", "succeeded", "", {"user_target_name": "eve", "user_id": "0"}),
    ),
    (
        "usermod[9]: add 'eve' to group 'sudo'",
        ("group-changed", "succeeded", "", {"user_target_name": "eve", "group_name": "sudo"}),
    ),
    (
        "systemd-logind[9]: New session 12 of user ann.",
        ("session", "succeeded", "ann", {}),
    ),
    (
        "vsftpd[9]: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp"
        " ruser=x rhost=203.0.113.9  user=x",
        ("login", "failed", "x", {"source_ip": "203.0.113.9", "service": "vsftpd"}),
    ),
]


@pytest.mark.parametrize(("message", "expected"), CASES, ids=[one[0][:30] for one in CASES])
def test_a_message_tells_who_did_what_from_where(message, expected):
    [(kind, status, actor, scope, inputs)] = told(read(HEAD + message))
    assert (kind, status, actor.strip(), scope) == (*expected[:2], expected[2].strip(), "web-1")
    assert expected[3].items() <= inputs.items()
    assert "secret" not in json.dumps(inputs)


@pytest.mark.parametrize(
    "stamp",
    [
        "Mar  9 04:05:06",
        "<38>Mar  9 04:05:06",
        "2026-03-09T04:05:06+00:00",
        "2026-03-09T05:05:06.000000+01:00",
    ],
)
def test_stamps_with_and_without_a_year_are_one_instant(stamp):
    parsed = read(f"{stamp} web-1 sshd[9]: Failed password for root from 203.0.113.9 port 22 ssh2")
    assert parsed.records["submitted"].to_pylist() == [
        to_us(datetime(2026, 3, 9, 4, 5, 6, tzinfo=UTC))
    ]


def test_rfc_5424_lines_are_read():
    line = (
        "<38>1 2026-03-09T04:05:06Z web-1 sshd 9 - - Failed password for root from ::1 port 2 ssh2"
    )
    assert told(read(line))[0][:3] == ("login", "failed", "root")


def test_the_year_is_the_latest_possible_or_as_said_and_turns_with_the_file():
    lines = [
        f"{day} 23:00:00 a sshd[1]: Failed password for root from 192.0.2.1 port 2 ssh2"
        for day in ("Dec 31", "Jan  1", "Feb 29")
    ]
    years = pd.to_datetime(read(*lines).records["submitted"].to_pandas(), unit="us").dt.year
    assert years.tolist() == [2025, 2026, 2024]
    parsed = read(*lines, year=2019)
    years = pd.to_datetime(parsed.records["submitted"].to_pandas(), unit="us").dt.year
    assert years.tolist() == [2019, 2020, 2020]
    assert read(*lines[2:], year=2019).rejects["reason"].to_pylist() == [auth_log.NO_DAY]


def test_repeated_messages_are_as_many_events():
    failed = "Failed password for root from 192.0.2.1 port 2 ssh2"
    parsed = read(
        HEAD + f"sshd[1]: {failed}",
        HEAD + f"sshd[1]: message repeated 4 times: [ {failed}]",
        HEAD + "last message repeated 2 times",
        "Mar  9 04:05:07 other last message repeated 9 times",
    )
    assert len(parsed.records) == 7
    assert parsed.records["source_id"].to_pandas().is_unique
    assert parsed.skipped == {auth_log.ORPHANS: 1}


def test_pam_counts_further_failures():
    line = "sshd(pam_unix)[1]: 3 more authentication failures; rhost=192.0.2.1  user=root"
    assert len(read(HEAD + line).records) == 3


def test_lines_that_are_no_event_are_counted_and_unknown_ones_are_rejects():
    parsed = read(
        HEAD + "kernel: usb 1-1: new device",
        HEAD + "CRON[3]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
        HEAD + "polkitd(authority=local)[700]: Registered Authentication Agent",
        HEAD + "sshd[1]: pam_unix(sshd:auth): authentication failure; rhost=192.0.2.1 user=root",
        HEAD + "sshd[1]: a form that nobody has seen",
        "no syslog at all",
    )
    assert sum(parsed.skipped.values()) == 4
    reasons = parsed.rejects["reason"].to_pylist()
    assert reasons == [auth_log.UNKNOWN_FORM.format("sshd"), auth_log.NO_SYSLOG]
    assert parsed.rows == 6


def test_a_file_of_another_sort_is_refused_with_what_to_do():
    with pytest.raises(BadInput, match="runlore ingest journal"):
        auth_log.layout(b'{"a": 1}\n{"b": 2}\n', "log", "UTC", NOW)


def test_every_line_of_a_real_log_is_an_event_or_counted(shared_data):
    path = shared_data / "security" / "OpenSSH_2k.anonymised.log.gz"
    data = gzip.decompress(path.read_bytes())
    parsed = auth_log.AuthLogLayout("log", "UTC", NOW).parse(data, 1)
    assert parsed.rejects.num_rows == 0
    kinds = parsed.records.to_pandas().groupby(["kind", "status"]).size().to_dict()
    assert kinds["login", "succeeded"] == data.count(b"Accepted ")
    assert kinds["unknown-user", "failed"] == data.count(b": Invalid user")
    repeated = data.count(b"message repeated")
    assert kinds["login", "failed"] == data.count(b"]: Failed ") + 5 * repeated


@settings(max_examples=40)
@given(st.lists(st.text(max_size=40) | st.binary(max_size=40), max_size=6))
def test_no_line_is_lost_and_none_breaks_the_rest(hostile):
    known = f"{HEAD}sshd[9]: Failed password for root from 203.0.113.9 port 22 ssh2\n".encode()
    texts = [one if isinstance(one, bytes) else one.encode() for one in hostile]
    texts = [b" ".join(text.split(b"\n")) for text in texts]
    shapes = texts + [f"{HEAD}sshd[9]: Failed x for ".encode() + t for t in texts]
    data = known + b"".join(text + b"\n" for text in shapes) + known
    parsed = auth_log.AuthLogLayout("log", "UTC", NOW).parse(data, 1)
    blank = sum(not auth_log_text(text).strip() for text in shapes)
    assert parsed.rows == len(shapes) - blank + 2
    assert (parsed.records["source_id"].to_pandas().value_counts() == 1).all()


def auth_log_text(text: bytes) -> str:
    return text.decode(errors="replace").replace("\0", "\N{SYMBOL FOR NULL}")


def entry(**more):
    stamp = str(NOW - 5_000_000)
    base = {"__REALTIME_TIMESTAMP": stamp, "_HOSTNAME": "db-1", "SYSLOG_IDENTIFIER": "sshd"}
    return base | {"__CURSOR": f"s={len(more)}"} | more


def test_the_journal_has_the_same_messages_and_may_list_bytes():
    failed = "Failed password for ann from 192.0.2.1 port 2 ssh2"
    lines = [
        entry(MESSAGE=failed),
        entry(MESSAGE=list(failed.encode()), PRIORITY="6"),
        entry(MESSAGE=None, a=1, b=2),
        {"MESSAGE": failed},
    ]
    text = "".join(f"{json.dumps(one)}\n" for one in lines) + "{broken\n"
    parsed = JournalLayout("journal", NOW).parse(text.encode(), 1)
    assert [one[:4] for one in told(parsed)] == [("login", "failed", "ann", "db-1")] * 2
    assert sum(parsed.skipped.values()) == 1
    assert parsed.rejects["line"].to_pylist() == [4, 5]


def test_audit_events_of_kubernetes_and_of_ecs_are_read():
    kubernetes = {
        "kind": "Event",
        "auditID": "a-1",
        "stage": "ResponseComplete",
        "verb": "list",
        "user": {"username": "system:serviceaccount:shop:web"},
        "sourceIPs": ["192.0.2.7", "192.0.2.8"],
        "objectRef": {"resource": "secrets", "namespace": "shop"},
        "responseStatus": {"code": 403},
        "requestReceivedTimestamp": "2026-03-09T04:05:06.123456Z",
        "requestObject": {"password": "hunter2"},
    }
    ecs = {
        "@timestamp": "2026-03-09T04:05:06.000Z",
        "event": {"action": "executed", "outcome": "success"},
        "user": {"name": "ann"},
        "host": {"name": "web-1"},
        "process": {"name": "rm", "args": ["rm", "-rf", "/var/log/audit", "hunter2"]},
        "message": "hunter2",
    }
    lines = [kubernetes, kubernetes | {"stage": "RequestReceived"}, ecs, {"a": 1}]
    text = "".join(f"{json.dumps(one)}\n" for one in lines)
    parsed = audit_layout("audit", "UTC", NOW).parse(text.encode(), 1)
    first, second = told(parsed)
    assert first[:4] == ("read", "failed", "system:serviceaccount:shop:web", "shop")
    assert first[4]["source_ip"] == "192.0.2.7"
    assert second[:4] == ("command", "succeeded", "ann", "web-1")
    assert second[4]["process_purpose"] == "clear-log"
    assert "hunter2" not in str(told(parsed))
    assert (parsed.rejects.num_rows, sum(parsed.skipped.values())) == (1, 1)
