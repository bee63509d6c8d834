"""Hashed texts: the same numbers in training and serving, and no word in what is kept."""

import json

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from runlore.features import hashed_text, known, matrix
from runlore.features.declaration import FeaturePlan, FeatureSet, TextWeights
from runlore.features.keys import KeyParts
from tests.features.logs import fact, frame

WORDS = st.sampled_from(["disk", "Disk!", "net", "ünï-☃", "7", "a_b", "x" * 200, "", "\x1f", "ẞ"])
TEXTS = st.one_of(st.lists(WORDS, max_size=8).map(" ".join), st.text(max_size=40))
CELLS = st.one_of(TEXTS, st.none(), st.floats(allow_nan=False), st.booleans())
LEARNED = hashed_text.learn("note", ["the disk is full", "the net is down", "disk"])


def test_a_word_that_few_texts_have_weighs_more() -> None:
    learned = hashed_text.learn("note", ["the disk"] * 9 + ["the net"])
    the, net = (hashed_text.values(learned, [word])[0] for word in ("the", "net"))
    assert 0 < the.max() < net.max()


def test_values_are_shares_of_the_tokens_in_a_bucket_times_its_weight() -> None:
    row = hashed_text.values(LEARNED, ["Disk, disk; NET and disk"])[0]
    disk = hashed_text.values(LEARNED, ["disk"])[0]
    at = int(disk.argmax())
    assert disk[at] == LEARNED.weights[at]
    assert row[at] == pytest.approx(3 / 5 * LEARNED.weights[at])
    assert hashed_text.values(LEARNED, ["", None, 5.0, " ,;"]).sum() == 0


@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_each_text_has_the_values_that_it_has_alone_bit_for_bit(texts: list[str]) -> None:
    together = hashed_text.values(LEARNED, texts)
    alone = np.concatenate([hashed_text.values(LEARNED, [text]) for text in texts])
    assert together.tobytes() == alone.tobytes()


@given(st.lists(CELLS, min_size=1, max_size=12))
def test_a_row_for_serving_equals_the_row_of_training_bit_for_bit(cells: list[object]) -> None:
    log = matrix.prepare(frame([fact(str(i), i, inputs={"note": c}) for i, c in enumerate(cells)]))
    plan = FeaturePlan((), (), (), has_calendar=False, texts=(LEARNED,))
    rows, _ = matrix.extract(log, plan)
    reader = matrix.RowReader(plan)
    for row, cell in zip(rows, cells, strict=True):
        subject = KeyParts("", "", "", {"note": cell})
        assert reader.row(subject, 0, {}).tobytes() == row.tobytes()


def test_more_texts_than_a_block_have_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"job {i} on disk {i % 3}" for i in range(50)]
    whole = hashed_text.values(LEARNED, texts)
    monkeypatch.setattr(hashed_text, "BLOCK", 7)
    assert (hashed_text.values(LEARNED, texts) == whole).all()


def test_a_plan_with_texts_is_the_same_after_json_and_holds_no_word() -> None:
    rows = [fact(str(i), i, inputs={"note": f"hunter2 opens the vault {i}"}) for i in range(60)]
    log = matrix.prepare(frame(rows))
    training = np.ones(60, dtype=bool)
    plan = matrix.resolve(FeatureSet(()), log, training, {"note"}, ["note"])
    text = json.dumps(plan.to_json())
    assert FeaturePlan.from_json(json.loads(text)) == plan
    assert len([n for n in plan.names if n.startswith("inputs.note#")]) == hashed_text.BUCKETS
    assert "hunter2" not in text


def test_a_plan_without_texts_is_written_as_ever() -> None:
    assert "texts" not in FeaturePlan((), (), ()).to_json()


def test_an_input_that_a_log_lacks_has_no_tokens() -> None:
    log = matrix.prepare(frame([fact("a")]))
    plan = FeaturePlan((), (), (), has_calendar=False, texts=(TextWeights("gone", (1.0, 2.0)),))
    rows = np.empty((1, 2), dtype=np.float32)
    assert known.fill(rows, log, plan, np.zeros(1, dtype=np.int64)) == 2
    assert rows.tolist() == [[0.0, 0.0]]
