"""Hashed texts stay only where they make validation scores better."""

from dataclasses import replace

import numpy as np
import pytest

from runlore.features import hashed_text
from runlore.training.rules import text_choice
from runlore.training.rules.split import divide
from runlore.training.rules.training_set import TrainingSet
from tests.training.small import DURATION, RISK, make

SPECS = {"risk": RISK, "duration": DURATION}


def with_texts(data: TrainingSet, texts: list[str]) -> tuple[TrainingSet, tuple[str, ...]]:
    learned = hashed_text.learn("note", texts)
    rows = np.column_stack([data.rows, hashed_text.values(learned, texts)]).astype(np.float32)
    return replace(data, rows=rows, names=(*data.names, *learned.columns)), learned.columns


def chatter(n: int) -> list[str]:
    random = np.random.default_rng(3)
    words = [f"word{i}" for i in range(60)]
    return [" ".join(row) for row in random.choice(words, (n, 6))]


def test_texts_that_tell_failures_apart_stay() -> None:
    data = make(RISK, 1000)
    says = np.random.default_rng(1).random(len(data)) < np.where(data.target == 1, 0.9, 0.1)
    extended, columns = with_texts(data, [f"it is {'urgent' if s else 'calm'} now" for s in says])
    assert text_choice.helps(RISK, extended, columns)


def test_texts_that_tell_long_work_apart_stay() -> None:
    data = make(DURATION, 1000)
    is_long = np.random.default_rng(1).random(len(data)) < 0.5
    data = replace(data, target=data.target * np.where(is_long, 20.0, 1.0))
    extended, columns = with_texts(data, [f"it is {'big' if s else 'small'} work" for s in is_long])
    assert text_choice.helps(DURATION, extended, columns)


@pytest.mark.parametrize("name", SPECS)
def test_texts_that_say_nothing_go(name: str) -> None:
    extended, columns = with_texts(make(SPECS[name], 1000), chatter(1000))
    assert not text_choice.helps(SPECS[name], extended, columns)


def test_one_fold_that_they_make_worse_or_too_small_a_gain_lets_texts_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = make(RISK, 600)
    count = len(divide(RISK, data).folds)
    monkeypatch.setattr(text_choice, "_score", lambda *_: 0.0)
    for worst, others, is_help in ((0.2, 0.5, True), (-0.01, 0.5, False), (0.005, 0.005, False)):
        gains = iter([worst, *[others] * (count - 1)])
        monkeypatch.setattr(text_choice, "_gain", lambda *_, gains=gains: next(gains))
        assert text_choice.helps(RISK, data, ()) == is_help


def test_the_test_part_has_no_say() -> None:
    data = make(RISK, 1000)
    extended, columns = with_texts(data, chatter(1000))
    test = divide(RISK, data).test
    rows = extended.rows.copy()
    rows[np.ix_(test, [extended.names.index(name) for name in columns])] = extended.target[
        test, None
    ]
    assert not text_choice.helps(RISK, replace(extended, rows=rows), columns)


def test_without_columns_a_training_set_is_what_it_was() -> None:
    data = make(RISK, 600)
    extended, columns = with_texts(data, chatter(600))
    assert text_choice.without(extended, columns).digest() == data.digest()
