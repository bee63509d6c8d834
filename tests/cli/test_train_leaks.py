"""What `runlore train` accepts and prints about inputs that give the outcome away."""

import pytest

from runlore.cli.training import reasons_of, show
from runlore.kernel.errors import BadInput

LEAK = {"input": "rc", "kind": "value", "evidence": "alone tells `failed` apart", "accepted": None}
OUTCOME = {
    "candidate": "linear",
    "passed": True,
    "version": "1",
    "alias": "champion",
    "unit": "",
    "scores": {},
    "baseline": {},
    "reasons": [],
    "sources": [],
    "leaks": [],
    "texts": [],
    "hashed": [],
}


def test_one_reason_may_stand_for_all_inputs_or_each_has_its_own() -> None:
    assert reasons_of(["a", "b"], ["known"]) == {"a": "known", "b": "known"}
    assert reasons_of(["a", "b"], ["one", "two"]) == {"a": "one", "b": "two"}
    assert reasons_of([], []) == {}


@pytest.mark.parametrize(
    ("inputs", "because", "error"),
    [
        (["a"], [], 'say why: --accept-leak INPUT --because "WHY"'),
        ([], ["known"], "1 reasons for 0 inputs"),
        (["a", "b", "c"], ["one", "two"], "2 reasons for 3 inputs"),
    ],
)
def test_inputs_without_their_reasons_are_refused(inputs, because, error) -> None:
    with pytest.raises(BadInput, match=error):
        reasons_of(inputs, because)


def test_each_leak_is_printed_with_its_evidence_and_the_way_to_accept_it(capsys) -> None:
    accepted = {"input": "q", "actor": "ann", "reason": "set before"}
    leaks = [LEAK, LEAK | {"input": "q", "accepted": accepted}]
    show({"risk": OUTCOME | {"leaks": leaks, "texts": ["note", "id"], "hashed": ["note"]}})
    printed = capsys.readouterr().out
    assert "risk: rc alone tells `failed` apart: left out" in printed
    assert "risk: q alone tells `failed` apart: accepted by ann: set before" in printed
    assert 'runlore train risk --accept-leak INPUT --because "WHY"' in printed
    assert "risk: left out as free text: id" in printed
    assert "risk: free text, read by hashes of its words: note" in printed


def test_nothing_is_printed_where_nothing_is_left_out(capsys) -> None:
    show({"risk": OUTCOME})
    assert "left out" not in capsys.readouterr().out
