"""Whose past is whose: keys as text for the store, as numbers for a whole log."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.features import matrix
from runlore.features.declaration import HistoryFeatures
from runlore.features.keys import LONGEST_KEY, KeyParts, group, key_of
from tests.features.logs import HISTORIES, SCALARS, WORDS, fact, frame
from tests.oracles import features as oracle

PARTS = st.sampled_from(WORDS)
SUBJECTS = st.fixed_dictionaries(
    {
        "actor": PARTS,
        "kind": PARTS,
        "scope": PARTS,
        "inputs": st.dictionaries(st.sampled_from(["p", "q", "p=a", "\x1e"]), SCALARS, max_size=3),
    }
)
KEYS = (*HISTORIES, ("actor", "kind", "scope"), ("inputs", "actor"), ("inputs.p", "inputs.p=a"))


@given(st.lists(SUBJECTS, max_size=12), st.sampled_from(KEYS))
@settings(max_examples=120)
def test_rows_share_a_number_exactly_if_they_share_a_text(subjects, keys):
    history = HistoryFeatures(keys, ("failed",))
    log = matrix.prepare(frame([fact(str(i), i, **each) for i, each in enumerate(subjects)]))
    codes = group(history, log).codes
    texts = [key_of(history, KeyParts(**each)) for each in subjects]
    wanted = [oracle.key(history, execution) for execution in oracle.executions(rows(subjects))]
    for i in range(len(subjects)):
        for j in range(i):
            assert (codes[i] == codes[j]) == (texts[i] == texts[j]) == (wanted[i] == wanted[j])


def rows(subjects):
    return [fact(str(i), i, **each) | {"seq": i} for i, each in enumerate(subjects)]


@given(st.lists(SUBJECTS, min_size=1, max_size=6), st.sampled_from(KEYS))
@settings(max_examples=30)
def test_the_keys_of_states_are_those_that_a_request_asks_for(subjects, keys):
    history = HistoryFeatures(keys, ("failed",))
    log = matrix.prepare(frame([fact(str(i), i, **each) for i, each in enumerate(subjects)]))
    _, states = matrix.fold_history(log, history)
    texts = states.keys(log)
    for i, each in enumerate(subjects):
        assert texts[states.keyed.codes[i]] == key_of(history, KeyParts(**each))


@pytest.mark.parametrize("value", [4, 4.0, 4.0 + 1e-17])
def test_equal_numbers_are_one_key(value):
    assert key_of(HistoryFeatures(("inputs.p",)), KeyParts("", "", "", {"p": value})) == "4.0"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"p": "a\x1eq=b"}, {"p": "a", "q": "b"}),
        ({"p=a": "b"}, {"p": "a=b"}),
        ({"p": "\x1d1"}, {"p": "\x1f"}),
        ({"p": 4}, {"p": "4"}),
    ],
)
def test_different_inputs_are_different_keys(one, other):
    history = HistoryFeatures(("inputs",))
    assert key_of(history, KeyParts("", "", "", one)) != key_of(
        history, KeyParts("", "", "", other)
    )


def test_a_long_key_is_short_in_the_store_and_stays_apart():
    history = HistoryFeatures(("actor", "kind"))
    keys = {key_of(history, KeyParts("a" * 500, kind, "", {})) for kind in ("x", "y")}
    assert len(keys) == 2
    assert max(map(len, keys)) <= LONGEST_KEY


@pytest.mark.parametrize("nothing", [{}, {"p": None}, {"p": ""}, {"p": float("nan")}])
def test_nothing_known_is_one_key_however_it_is_said(nothing):
    for history in (HistoryFeatures(("inputs",)), HistoryFeatures(("inputs.p",))):
        assert key_of(history, KeyParts("", "", "", nothing)) == ""
        assert json.dumps(key_of(history, KeyParts("", "", "", {"p": "x"}))) != '""'
