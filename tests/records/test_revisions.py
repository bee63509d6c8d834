"""Which facts are news: against the obvious loop."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.records.revisions import FactDigests, StoredFacts, news

FACT = st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 9))


def told(facts):
    table = np.array(facts, dtype=np.int64).reshape(-1, 3)
    return FactDigests(table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy())


def by_a_loop(incoming, stored, at_us):
    """Fact by fact, as the rule is told."""
    history = {}
    for name, digest, known_at, revision in stored:
        history.setdefault(name, []).append((digest, known_at, revision))
    found = []
    for row, (name, digest, natural) in enumerate(incoming):
        before = history.setdefault(name, [])
        if any(digest == each for each, _, _ in before):
            continue
        latest = max((known_at for _, known_at, _ in before), default=None)
        known_at = natural if latest is None or natural > latest else max(latest, at_us)
        revision = max((r for _, _, r in before), default=-1) + 1
        before.append((digest, known_at, revision))
        found.append((row, revision, known_at))
    return found


@settings(deadline=None, max_examples=100)
@given(
    st.lists(FACT, max_size=12),
    st.lists(FACT, max_size=5, unique_by=lambda fact: (fact[0], fact[1])),
    st.integers(0, 12),
)
def test_news_are_what_a_loop_finds(incoming, stored, at_us):
    count = {}
    numbered = []
    for name, digest, known_at in stored:
        count[name] = count.get(name, -1) + 1
        numbered.append((name, digest, known_at, count[name]))
    there = StoredFacts(told(stored), np.array([each[3] for each in numbered], dtype=np.int64))
    found = news(told(incoming), there, at_us)
    rows = zip(found.rows, found.revision, found.known_at_us, strict=True)
    assert [tuple(map(int, each)) for each in rows] == by_a_loop(incoming, numbered, at_us)


def test_a_repeat_of_an_older_fact_is_no_news():
    stored = StoredFacts(told([(0, 1, 5), (0, 2, 6)]), np.array([0, 1]))
    assert news(told([(0, 1, 9)]), stored, 10).rows.size == 0


def test_a_late_correction_is_known_now_and_later_news_at_their_own_time():
    stored = StoredFacts(told([(0, 1, 50)]), np.array([0]))
    found = news(told([(0, 2, 50), (0, 3, 200)]), stored, 100)
    assert found.revision.tolist() == [1, 2]
    assert found.known_at_us.tolist() == [100, 200]
