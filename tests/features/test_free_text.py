"""Free text is neither a category nor part of a key, and no word of it is kept."""

import json

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from runlore.features import free_text, matrix
from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.features.keys import KeyParts, key_of
from runlore.quality.rules import column as columns
from tests.features.logs import fact, frame

SECRET = "the vault opens with hunter2 after midnight"
SAME_REQUEST = HistoryFeatures(("actor", "inputs"), ("failed",))


def texts(*cells: object) -> "pd.Series[object]":
    return pd.Series(cells, dtype=object)


@pytest.mark.parametrize(
    ("cells", "is_free"),
    [
        (["main", "dev", None] * 40, False),
        ([f"release/{i % 9}" for i in range(100)], False),
        (["Ubuntu latest, 3.11", "Windows"] * 40, False),
        ([SECRET, "restart node seven of the cluster"] * 40, True),
        ([f"{i:040x}" for i in range(100)], True),
        (["python train.py --rate 0.1 --seed 4"] * 100, True),
        ([f"{i:040x}" for i in range(20)], False),
        ([None] * 100, False),
        ([1.5, None] * 50, False),
    ],
    ids=[
        "words",
        "branches",
        "labels",
        "sentences",
        "hashes",
        "commands",
        "few",
        "none",
        "numbers",
    ],
)
def test_sentences_and_texts_that_never_come_again_are_free(cells, is_free) -> None:
    assert free_text.is_free(texts(*cells)) is is_free


@given(st.lists(st.sampled_from(["a", "b", "main branch", "x y z"]), max_size=300))
def test_a_few_short_words_are_never_free_text(cells: list[str]) -> None:
    assert not free_text.is_free(texts(*cells))


@given(st.text(alphabet="abc ", min_size=1, max_size=60))
def test_a_text_of_four_words_is_a_sentence_whatever_its_spaces(text: str) -> None:
    assert free_text.is_sentence(texts(text)).tolist() == [len(text.split()) >= 4]


def test_a_contract_holds_no_free_text() -> None:
    window = np.arange(400) // 100
    cells = texts(*[f"{SECRET} {i}" for i in range(400)])
    learned = columns.learn("inputs.description", cells, window)
    assert learned is not None
    assert learned.words == ()
    assert SECRET[:9] not in json.dumps(learned.to_json())


def test_one_sentence_among_words_is_not_kept_either() -> None:
    window = np.arange(400) // 100
    learned = columns.learn("inputs.queue", texts(SECRET, *["short", "long", "gpu"] * 133), window)
    assert learned is not None
    assert sorted(learned.words) == ["gpu", "long", "short"]


def test_a_kind_of_work_may_be_a_sentence_when_it_comes_again() -> None:
    window = np.arange(400) // 100
    kinds = texts(*["Build and test the whole project"] * 399, SECRET)
    learned = columns.learn("kind", kinds, window)
    assert learned is not None
    assert learned.words == ("Build and test the whole project",)


def test_a_plan_reads_no_free_text_and_no_key_holds_any() -> None:
    inputs = [{"queue": "ab"[i % 2], "note": f"{SECRET} {i}"} for i in range(80)]
    rows = [fact(str(i), i, inputs=row) for i, row in enumerate(inputs)]
    log = matrix.prepare(frame(rows))
    training = np.ones(80, dtype=bool)
    left_out = free_text.names(log, training)
    plan = matrix.resolve(FeatureSet((SAME_REQUEST,)), log, training, left_out)
    assert left_out == ("note",)
    assert "inputs.queue" in plan.names
    assert plan.others == ("note",)
    assert SECRET[:9] not in json.dumps(plan.to_json())
    subject = KeyParts("ann", "", "", {"queue": "a", "note": SECRET})
    assert key_of(plan.histories[0], subject) == "ann\x1fqueue=a"
