"""Rules in Sigma format: read, refused with a remedy, and evaluated as a slow reading would."""

import ipaddress
import re
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.advice.actions.security_rule_files import load_rules
from runlore.advice.rules.security.evaluation import evaluate
from runlore.advice.rules.security.events import make_events
from runlore.advice.rules.security.incidents import incidents_of
from runlore.advice.rules.security.rarity import daily_thresholds, login_rarity, with_habits
from runlore.advice.rules.security.sigma_rules import read_rules
from runlore.kernel.errors import Misconfigured

SECOND, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000
HEAD = "title: T\nlogsource: {category: any}\n"
BASE = """
title: Failed
name: failed
logsource: {category: any}
detection:
  selection:
    event.action: login
    event.outcome: failure
  condition: selection
---
title: Good
name: good
logsource: {category: any}
detection:
  selection:
    event.action: login
    event.outcome: success
  condition: selection
"""


def rule(kind, rules, condition="", group="source.ip", span="10s"):
    return f"""{BASE}
---
title: The one
name: one
correlation:
  type: {kind}
  rules: [{rules}]
  group-by: [{group}]
  timespan: {span}
  {condition and f"condition: {condition}"}
"""


def events(rows):
    """rows: (second, status, user, address)."""
    at = np.array([row[0] * SECOND for row in rows], np.int64)
    columns = {
        "event.action": pa.array(["login"] * len(rows), pa.string()),
        "event.outcome": pa.array([row[1] for row in rows], pa.string()),
        "user.name": pa.array([row[2] for row in rows], pa.string()),
        "source.ip": pa.array([row[3] for row in rows], pa.string()),
        "event.id": pa.array([str(n) for n in range(len(rows))], pa.string()),
        "network.bytes": pa.array([str(row[0] % 7) for row in rows], pa.string()),
    }
    return make_events(at, columns)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(["failed", "succeeded"]),
        st.sampled_from(["ann", "bob", "eve", ""]),
        st.sampled_from(["1.1.1.1", "2.2.2.2", ""]),
    ),
    max_size=30,
)


def plainly(rows, kind, least=0):
    """A window that ends at each event, looked at one event after the other."""
    rows = sorted(rows, key=lambda row: row[0])
    met = []
    for end, row in enumerate(rows):
        window = [
            one
            for one in rows[: end + 1]
            if one[3] and one[3] == row[3] and row[0] - 10 <= one[0] <= row[0]
        ]
        failed = [one for one in window if one[1] == "failed"]
        is_part = row[3] and (row[1] == "failed" or kind.startswith("temporal"))
        if kind == "value_count":
            is_part = is_part and row[2]
        found = {
            "event_count": len(failed) >= least,
            "value_count": len({one[2] for one in failed} - {""}) >= least,
            "value_sum": sum(one[0] % 7 for one in failed) >= least,
            "temporal": len({one[1] for one in window}) == 2,
            "temporal_ordered": row[1] == "succeeded" and bool(failed),
        }[kind]
        met.append(bool(is_part and found))
    return met


@settings(max_examples=60)
@given(ROWS, st.integers(1, 4))
@pytest.mark.parametrize(
    ("kind", "field"),
    [("event_count", ""), ("value_count", "user.name"), ("value_sum", "network.bytes")],
)
def test_counts_and_sums_are_those_of_a_slow_reading(kind, field, rows, least):
    condition = f"{{gte: {least}{f', field: {field}' if field else ''}}}"
    known = read_rules([("a.yml", rule(kind, "failed", condition))])
    found = evaluate(known, events(rows))["one"]
    assert found.ends.tolist() == plainly(rows, kind, least)
    assert not (found.ends & ~found.covered).any()


@settings(max_examples=60)
@given(ROWS)
@pytest.mark.parametrize("kind", ["temporal", "temporal_ordered"])
def test_temporal_rules_are_those_of_a_slow_reading(kind, rows):
    known = read_rules([("a.yml", rule(kind, "failed, good"))])
    found = evaluate(known, events(rows))["one"]
    assert found.ends.tolist() == plainly(rows, kind)


def test_a_correlation_of_a_correlation_needs_the_whole_chain():
    text = rule("event_count", "failed", "{gte: 3}") + (
        "---\ntitle: Then in\nname: then_in\nlevel: high\ncorrelation:\n  type: temporal_ordered\n"
        "  rules: [one, good]\n  group-by: [source.ip]\n  timespan: 1m\n"
    )
    known = read_rules([("a.yml", text)])
    rows = [(n, "failed", "ann", "1.1.1.1") for n in range(3)]
    good = (20, "succeeded", "ann", "1.1.1.1")
    assert evaluate(known, events([*rows, good]))["then_in"].ends.tolist() == [0, 0, 0, 1]
    assert not evaluate(known, events([*rows[1:], good]))["then_in"].ends.any()
    other = (20, "succeeded", "ann", "2.2.2.2")
    assert not evaluate(known, events([*rows, other]))["then_in"].ends.any()
    found = events([*rows, good])
    [incident] = incidents_of(known, found, evaluate(known, found))
    assert [one.rule for one in incident.rules] == ["then_in"], "the others are parts of it"
    assert (incident.cause, incident.events, incident.level) == ("1.1.1.1", 4, "high")
    assert incident.event_ids == ("0", "1", "2", "3")


TESTS = [
    ("user.name: ANN", lambda row: row[2] == "ann"),
    ("user.name|cased: ANN", lambda row: False),
    ("user.name|startswith: a", lambda row: row[2].startswith("a")),
    ("user.name|contains: [o, v]", lambda row: bool(set(row[2]) & {"o", "v"})),
    ("user.name: '?nn'", lambda row: row[2] == "ann"),
    ("user.name|re: '^[ab]'", lambda row: re.match("[ab]", row[2])),
    ("user.name: null", lambda row: not row[2]),
    ("user.name|exists: true", lambda row: bool(row[2])),
    (
        "source.ip|cidr: 1.0.0.0/8",
        lambda row: row[3] and ipaddress.ip_address(row[3]) in ipaddress.ip_network("1.0.0.0/8"),
    ),
    ("network.bytes|gte: 3", lambda row: row[0] % 7 >= 3),
    ("network.bytes: 3", lambda row: row[0] % 7 == 3),
    ("user.name|fieldref: user.name", lambda row: bool(row[2])),
]


@settings(max_examples=15)
@given(ROWS)
def test_tests_of_fields_mean_what_sigma_says(rows):
    for text, expected in TESTS:
        known = read_rules(
            [("a.yml", f"{HEAD}name: t\ndetection:\n  s:\n    {text}\n  condition: s\n")]
        )
        assert not known.refused, known.refused
        found = evaluate(known, events(rows))["t"].ends.tolist()
        assert found == [bool(expected(row)) for row in sorted(rows, key=lambda row: row[0])], text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("title: [", "not YAML"),
        ("- a\n- b\n", "no Sigma rule"),
        (
            HEAD + "detection:\n  keywords: [secret]\n  condition: keywords\n",
            "keeps no messages",
        ),
        (HEAD + "detection:\n  s: {a|re: '(?=x)'}\n  condition: s\n", "cannot be read"),
        (HEAD + "detection:\n  s: {a: 1}\n  condition: other\n", "other"),
        (HEAD + "detection:\n  s: {a|nonsense: 1}\n  condition: s\n", "nonsense"),
        (rule("event_count", "failed", "{lt: 3}"), "only grows"),
        (rule("value_percentile", "failed", "{gte: 3, field: a, percentile: 9}"), "not supported"),
        (rule("event_count", "missing", "{gte: 3}"), "no rule or a refused one"),
        (rule("event_count", "failed", "{gte: 3}", span="30d"), "longer than 7d"),
        (rule("temporal", "failed, good", "failed and not good"), "and, or, not"),
        ("a: &a [x]\nb: [" + "*a, " * 300 + "]\n", "aliases"),
        (HEAD + "runlore: {run: rm}\ndetection:\n  s: {a: 1}\n  condition: s\n", "`runlore`"),
        (HEAD + "detection:\n  s: {a: 1}\n  condition: " + "(" * 5000 + "s\n", ""),
    ],
)
def test_a_bad_rule_is_refused_with_file_reason_and_fix_and_the_others_stand(text, reason):
    good = BASE.replace("name: failed", "name: f2").replace("name: good", "name: g2")
    known = read_rules([("bad.yml", text), ("good.yml", good)])
    assert {"f2", "g2"} <= {one.name for one in known.rules}
    refused = [one for one in known.refused if one.file == "bad.yml"]
    assert refused
    assert all(one.fix and reason in one.reason for one in refused), refused


def test_rules_of_the_package_are_whole_and_have_no_namesakes(tmp_path):
    known = load_rules()
    assert not known.refused
    alerting = [one for one in known.rules if one.alerts]
    assert len(alerting) >= 15
    assert all(one.description and one.advice and one.tags for one in alerting)
    assert known.kinds is not None, "a log of builds is not read"
    (tmp_path / "mine.yml").write_text(BASE.replace("name: failed", "name: brute_force"))
    (tmp_path / "latin.yml").write_bytes(b"title: \xff")
    mine = load_rules(tmp_path)
    assert {one.file for one in mine.refused} == {"mine.yml", "latin.yml"}
    assert len(mine.rules) == len(known.rules) + 1
    with pytest.raises(Misconfigured, match="RUNLORE_SIGMA_RULES"):
        load_rules(tmp_path / "none")


def test_parsing_rules_asks_no_network_and_unpickles_nothing():
    code = """
import pickle, socket, sys
def refuse(*_, **__): raise SystemExit("refused")
socket.socket.connect = socket.getaddrinfo = refuse
pickle.load = pickle.loads = pickle.Unpickler = refuse
from runlore.advice.actions.security_rule_files import load_rules
assert load_rules().rules
assert not {"requests", "diskcache", "sqlite3"} & {*sys.modules}, sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
    assert socket.socket.connect


def logins(days=60, users=12, seed=3):
    """(µs, user, host): office hours on two hosts."""
    random = np.random.default_rng(seed)
    made = []
    for day in range(days):
        for user in range(users):
            for _ in range(random.poisson(3)):
                at = day * DAY + int(random.normal(11, 2) * HOUR)
                made.append((at, f"u{user}", f"h{user % 4 + random.integers(2)}"))
    return made


def login_events(rows, address=lambda user: f"10.0.{user[1:]}.7"):
    at = np.array([row[0] for row in rows], np.int64)
    return make_events(
        at,
        {
            "event.action": pa.array(["login"] * len(rows)),
            "event.outcome": pa.array(["succeeded"] * len(rows)),
            "user.name": pa.array([row[1] for row in rows]),
            "host.name": pa.array([row[2] for row in rows]),
            "source.ip": pa.array([row[3] if len(row) > 3 else address(row[1]) for row in rows]),
        },
    )


def test_rarity_of_a_login_is_told_from_the_earlier_ones_of_its_user_only():
    rows = logins()
    found = login_rarity(login_events(rows))
    early = [row for row in rows if row[0] < 40 * DAY]
    before = login_rarity(login_events(early))
    assert np.array_equal(found.score[: len(early)], before.score, equal_nan=True)
    place = {}
    ordered = sorted(rows, key=lambda row: row[0])
    for at, row in enumerate(ordered):
        place.setdefault(row[1], []).append(at)
    for user, at in place.items():
        hosts = [ordered[one][2] for one in at]
        expected = [
            number >= 20 and host not in hosts[:number] for number, host in enumerate(hosts)
        ]
        assert found.is_new_host[at].tolist() == expected, user


def test_a_stolen_password_stands_out_and_chance_stays_within_the_budget():
    rows = logins()
    stolen = [(58 * DAY + 2 * HOUR, "u3", "vault", "203.0.113.9")]
    columns = with_habits(login_events([*rows, *stolen]), 1.0, None).columns
    surprising = columns["runlore.surprising"].to_pylist()
    times = sorted(row[0] for row in [*rows, *stolen])
    at = [when for when, one in zip(times, surprising, strict=True) if one == "true"]
    assert stolen[0][0] in at
    weeks = (60 - 14) / 7
    assert len({when // DAY for when in at}) <= weeks * 1.5
    assert all(one >= 14 * DAY for one in at), "two weeks are learned from first"
    assert all(a <= b for a, b in pairwise(at))


def test_the_threshold_of_a_day_is_learned_from_the_days_before():
    found = login_events(logins())
    rarity = login_rarity(found)
    user = np.zeros(rarity.rows.size, np.int64)
    limits = daily_thresholds(found.at[rarity.rows], user, rarity, 2.0)
    days = found.at[rarity.rows] // DAY
    best = {day: np.nanmax(np.append(rarity.score[days == day], -1)) for day in np.unique(days)}
    for day in (20, 35, 50):
        earlier = sorted((best[one] for one in best if one < day and best[one] >= 0), reverse=True)
        first = min(one for one in best if best[one] >= 0)
        weeks = (day - max(first, day - 56)) / 7
        expected = earlier[max(int(weeks), 1) - 1] if weeks >= 2 else np.inf
        assert limits[days == day][0] == expected
