"""What a version knows about a request: a word for every answer, the details on request."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.features.declaration import FeaturePlan, HistoryFeatures, Vocabulary
from runlore.features.keys import KeyParts
from runlore.features.matrix import RowReader
from runlore.models.learned_ranges import LearnedRange
from runlore.serving.rules.support import SupportReader, nearest_word

DAY_S = 86_400.0
PLAN = FeaturePlan(
    inputs=("nodes",),
    categories=(
        Vocabulary("actor", ("ann", "bob")),
        Vocabulary("kind", ("build", "test")),
        Vocabulary("inputs.queue", ("short", "long")),
    ),
    histories=tuple(
        HistoryFeatures(keys, half_lives_s=(DAY_S,)) for keys in (("actor",), ("kind",))
    ),
)
RANGES = {"inputs.nodes": LearnedRange(1.0, 64.0, 0.0)}
READER = SupportReader(PLAN, RANGES)
ANN = KeyParts("ann", "build", "", {"nodes": 4, "queue": "long"})


def row_of(subject: KeyParts, seen: tuple[str, ...] = ("actor", "kind"), outcomes: float = 50.0):
    """A row as serving makes it, where these keys have been seen, with so many outcomes."""
    row = RowReader(PLAN).rows_alone([subject], np.zeros(1, dtype=np.int64))[0]
    for name in seen:
        row[PLAN.names.index(f"{name}.since_submission_s")] = 60.0
        row[PLAN.names.index(f"{name}.failed_count_1d")] = outcomes
    return row


def support_of(subject: KeyParts, **chosen) -> str:
    return READER.read(row_of(subject, **chosen)[None, :], [subject])[0]


def test_what_has_been_seen_often_has_good_support() -> None:
    assert support_of(ANN) == "good"
    assert READER.unknown(row_of(ANN), ANN) == ()


def test_a_new_actor_has_little_and_the_nearest_name_is_told() -> None:
    anne = replace(ANN, actor="Anne")
    assert support_of(anne, seen=("kind",)) == "little"
    [part] = READER.unknown(row_of(anne, seen=("kind",)), anne)
    assert (part.field, part.reason, part.nearest) == ("actor", "never seen", "ann")
    assert part.text == "actor: 'Anne' was never seen; the nearest known is 'ann'"


def test_an_actor_of_the_history_is_known_though_training_never_saw_it() -> None:
    eve = replace(ANN, actor="eve")
    assert support_of(eve) == "good"


def test_a_trained_actor_without_a_history_has_little() -> None:
    assert support_of(ANN, seen=()) == "little"
    [part] = READER.unknown(row_of(ANN, seen=()), ANN)
    assert part.reason == "few outcomes"


def test_few_outcomes_are_little_support() -> None:
    assert support_of(ANN, outcomes=1.0) == "little"
    [part] = READER.unknown(row_of(ANN, outcomes=1.0), ANN)
    assert part.text == "actor: outcomes of about 1 recent runs are known"


@pytest.mark.parametrize(("nodes", "nearest"), [(65, 64.0), (0.5, 1.0), (1e30, 64.0), (-1e30, 1.0)])
def test_a_number_beyond_what_was_learned_names_the_range(nodes: float, nearest: float) -> None:
    large = replace(ANN, inputs={"nodes": nodes, "queue": "long"})
    assert support_of(large) == "little"
    [part] = READER.unknown(row_of(large), large)
    assert (part.field, part.reason, part.low, part.high) == (
        "inputs.nodes",
        "out of range",
        1.0,
        64.0,
    )
    assert part.nearest == nearest


def test_a_word_that_training_never_saw_is_told_with_the_nearest() -> None:
    lonng = replace(ANN, inputs={"queue": "lonng"})
    assert support_of(lonng) == "little"
    [part] = READER.unknown(row_of(lonng), lonng)
    assert (part.field, part.nearest) == ("inputs.queue", "long")


def test_inputs_that_are_not_given_are_not_unknown() -> None:
    assert support_of(replace(ANN, inputs={})) == "good"


def test_nothing_known_of_who_and_what_is_no_support() -> None:
    nobody = KeyParts("zed", "nonsense", "", {"nodes": 4, "queue": "long"})
    assert support_of(nobody, seen=()) == "none"
    assert support_of(KeyParts("", "", "", {}), seen=()) == "none"


def test_without_who_and_what_in_the_plan_the_inputs_decide() -> None:
    plan = replace(PLAN, categories=PLAN.categories[2:], histories=())
    reader = SupportReader(plan, RANGES)
    for nodes, queue, expected in ((4, "long", "good"), (4, "x", "little"), (99, "x", "none")):
        subject = KeyParts("a", "b", "c", {"nodes": nodes, "queue": queue})
        row = RowReader(plan).rows_alone([subject], np.zeros(1, dtype=np.int64))
        assert reader.read(row, [subject]) == [expected]


def test_where_nearly_everybody_was_new_in_training_a_new_actor_says_nothing() -> None:
    ranges = RANGES | {"actor.since_submission_s": LearnedRange(0.0, 1e6, 0.9)}
    reader = SupportReader(PLAN, ranges)
    zed = replace(ANN, actor="zed")
    assert reader.read(row_of(zed, seen=("kind",))[None, :], [zed]) == ["good"]


def test_a_plan_without_anything_to_check_has_little_support() -> None:
    plan = FeaturePlan((), (), ())
    row = np.zeros((1, len(plan.names)), dtype=np.float32)
    assert SupportReader(plan, {}).read(row, [ANN]) == ["little"]


@given(st.text(max_size=400), st.text(max_size=400), st.floats(allow_nan=False))
def test_any_request_has_a_word_and_sentences(actor: str, queue: str, nodes: float) -> None:
    subject = KeyParts(actor, "build", "", {"queue": queue, "nodes": nodes})
    row = row_of(subject, seen=())
    [support] = READER.read(row[None, :], [subject])
    parts = READER.unknown(row, subject)
    assert support in ("none", "little")
    assert all(len(part.text) < 1_000 for part in parts)
    assert support != "good" or not parts


def test_the_words_of_a_batch_are_those_of_its_requests() -> None:
    subjects = [replace(ANN, actor=name) for name in ("ann", "zed", "bob", "eve")] * 3
    rows = np.stack([row_of(one, seen=("kind",)) for one in subjects])
    alone = [READER.read(row[None, :], [one])[0] for row, one in zip(rows, subjects, strict=True)]
    assert READER.read(rows, subjects) == alone


def test_the_nearest_word_ignores_case_and_may_be_none() -> None:
    assert nearest_word("SHORT", ("short", "long")) == "short"
    assert nearest_word("zzzz", ("short", "long")) is None
    assert nearest_word("", ()) is None
