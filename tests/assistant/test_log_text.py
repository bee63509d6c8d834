"""Text of logs as data, whatever it holds; and figures with their intervals."""

import re
import unicodedata

import hypothesis.strategies as st
from hypothesis import given

from runlore.assistant.rules.figures import share_interval
from runlore.assistant.rules.log_text import UNSEEN, clean, quote, unquote
from tests.assistant.runs_log import CANARY, HOSTILE, KEY

ANY = st.text(st.characters(codec=None), max_size=200)


@given(ANY | st.sampled_from(HOSTILE).flatmap(lambda text: ANY.map(lambda more: text + more)))
def test_whatever_a_log_says_stays_on_one_line_between_its_quotes(text: str) -> None:
    shown = quote(text)
    assert (shown[0], shown[-1]) == ("«", "»")
    assert not re.search("[«»]", shown[1:-1])
    assert not [one for one in shown if unicodedata.category(one) in UNSEEN]
    assert len(shown) < 150
    assert clean(shown[1:-1], 1_000) == shown[1:-1], "cleaning twice changes nothing"


def test_secrets_in_a_text_are_redacted_before_it_is_cut() -> None:
    for text in HOSTILE:
        for longest in range(1, 140, 7):
            shown = clean(text, longest)
            assert CANARY not in shown
            assert KEY[14:30] not in shown


def test_a_name_can_be_given_back_as_it_was_shown() -> None:
    assert unquote(quote("nightly etl")) == "nightly etl"


def test_the_interval_of_a_share_holds_the_truth_as_often_as_it_says() -> None:
    from math import comb

    for n, truth in ((20, 0.1), (50, 0.3), (200, 0.02)):
        held = 0.0
        for seen in range(n + 1):
            low, high = share_interval(seen, n)
            if low is not None and high is not None and low <= truth <= high:
                held += comb(n, seen) * truth**seen * (1 - truth) ** (n - seen)
        assert 0.84 < held < 0.97, (n, truth, held)
