"""The model card tells what a person must know, honest about what is bad."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runlore.models.explain import GroupImportance, Importance
from runlore.models.relative_errors import RelativeErrors
from runlore.training.rules import card
from runlore.training.rules.card_sections import CardContents, DataPeriod
from runlore.training.rules.gates import (
    CalibrationInterval,
    GateEvidence,
    GateVerdict,
    ScoreInterval,
)
from runlore.training.rules.trained import LevelCoverage, SliceScores
from tests.training.small import DURATION, RISK

FACTS = CardContents(
    spec=RISK,
    candidate="xgboost",
    verdict=GateVerdict(passed=True, reasons=("auc is good: yes",)),
    evidence=GateEvidence(
        candidate={"auc": ScoreInterval(0.9, 0.88, 0.92), "brier": ScoreInterval(0.1, 0.09, 0.11)},
        baseline={"auc": ScoreInterval(0.8, 0.78, 0.82), "brier": ScoreInterval(0.12, 0.11, 0.13)},
        gains={"auc": ScoreInterval(0.1, 0.07, 0.13), "brier": ScoreInterval(0.02, 0.01, 0.03)},
    ),
    validation={"baseline": {"log_loss": 0.5}, "xgboost": {"log_loss": 0.3}},
    test={
        "baseline": {"auc": 0.8, "log_loss": 0.51},
        "xgboost": {"auc": 0.9, "log_loss": float("nan")},
    },
    slices=(
        SliceScores("kind", "etl", 900, {"log_loss": 0.4}, {"log_loss": 0.5}),
        SliceScores("kind", "a|b`c", 1200, {"log_loss": 0.6}, {"log_loss": 0.5}),
        SliceScores("scope", "", 40, {"log_loss": float("nan")}, {"log_loss": 0.5}),
    ),
    importance=tuple(Importance(f"feature-{at}", 1 / (at + 1), 0.01) for at in range(15)),
    trained_on=DataPeriod(
        7000, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, 10, 30, tzinfo=UTC)
    ),
    tested_on=DataPeriod(
        3000, datetime(2026, 2, 1, 11, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    ),
    data_digest="abc123",
    code_version="0.1.0 at 0123456789",
)


def section(text: str, name: str) -> list[str]:
    """The lines of one section that are not blank."""
    body = text.split(f"\n## {name}\n")[1].split("\n## ", maxsplit=1)[0]
    return [line for line in body.splitlines() if line]


def test_the_head_tells_what_it_answers_and_from_what_data_and_code():
    lines = card.render(FACTS).splitlines()
    assert lines[0] == "# risk: xgboost, passed its gates"
    head = "\n".join(lines[:9])
    assert "the probability of `failed` of an execution, at its submission" in head
    assert "7,000 executions, 2026-01-01 00:00 to 2026-02-01 10:30 UTC" in head
    assert "3,000 executions, 2026-02-01 11:00 to 2026-03-01 00:00 UTC" in head
    assert "`abc123`" in head
    assert "Runlore 0.1.0 at 0123456789" in head


def test_a_quantity_tells_its_unit_and_what_its_interval_means():
    head = card.render(replace(FACTS, spec=replace(DURATION, select_by="log_loss")))
    assert "`duration_s` of an execution in s, at its submission" in head
    assert "an interval meant to hold 90 %" in head


def test_a_quantity_says_how_often_it_is_near_the_truth_beside_the_baseline():
    errors = (RelativeErrors(0.284, 0.41, 0.33, 0.512), RelativeErrors(0.15, 0.2, 0.6, None))
    quantity = replace(FACTS, spec=replace(DURATION, select_by="log_loss"), errors=errors)
    rows = section(card.render(quantity), "Errors as shares of the truth")
    assert "| within 15 % of the truth | 28 % | 15 % |" in rows
    assert "| median of \\|error\\| / truth | 33 % | 60 % |" in rows
    assert rows[-1].endswith("| 0.512 | – |")
    assert "Errors as shares" not in card.render(FACTS)


def test_scores_stand_beside_the_baselines_with_their_intervals():
    rows = section(card.render(FACTS), "Scores on the test part")
    assert (
        "| AUC (higher is better) | 0.9 (0.88 to 0.92) | 0.8 (0.78 to 0.82) "
        "| 0.1 (0.07 to 0.13) |" in rows
    )
    assert any(row.startswith("| Brier score (lower is better) |") for row in rows)


def test_a_calibration_error_stands_beside_what_chance_gives():
    error = CalibrationInterval(0.08, 0.02, 0.1, 0.07, 0.1)
    evidence = GateEvidence(candidate={"calibration_error": error})
    line = "| calibration error (lower is better) | 0.08 (0.02 to 0.1); chance alone gives 0.07 |"
    assert line in card.render(replace(FACTS, evidence=evidence))


def test_an_error_has_the_unit_of_what_is_predicted():
    evidence = GateEvidence(
        {"mae": ScoreInterval(4260.0, 3600.0, 5400.0)}, {"mae": ScoreInterval(9000.0, 1.0, 2.0)}
    )
    facts = replace(FACTS, spec=replace(DURATION, select_by="mae"), evidence=evidence, slices=())
    rows = section(card.render(facts), "Scores on the test part")
    assert rows[-1] == (
        "| mean absolute error (lower is better) | 71 min (60 min to 90 min) "
        "| 2.5 h (1 s to 2 s) | – |"
    )


def test_a_refused_model_says_so_first_with_the_reasons():
    refused = replace(FACTS, verdict=GateVerdict(passed=False, reasons=("auc is bad: no",)))
    text = card.render(refused)
    assert text.startswith("# risk: xgboost, refused by its gates\n")
    assert section(text, "Verdict") == ["It may not serve:", "- auc is bad: no"]
    assert "ONNX" not in text


def test_limits_name_every_group_where_the_baseline_is_better():
    limits = section(card.render(FACTS), "Limits")
    assert "last 30 % by time" in limits[0]
    assert "2026-02-01 to 2026-03-01" in limits[0]
    worse = [line for line in limits if line.startswith("- Worse")]
    assert worse == [
        "- Worse than the baseline for kind `a|b'c` (1,200 executions): log loss 0.6, baseline 0.5."
    ]
    assert not any("In no group" in line for line in limits)


def test_where_higher_is_better_the_worse_groups_are_the_lower_ones():
    slices = (
        SliceScores("kind", "good", 90, {"auc": 0.9}, {"auc": 0.8}),
        SliceScores("kind", "bad", 90, {"auc": 0.7}, {"auc": 0.8}),
    )
    facts = replace(FACTS, spec=replace(RISK, select_by="auc"), slices=slices)
    worse = [line for line in section(card.render(facts), "Limits") if "Worse" in line]
    assert len(worse) == 1
    assert "`bad`" in worse[0]


def test_features_that_say_the_same_stand_together_beside_the_sum_of_each_alone():
    joint = (
        GroupImportance(tuple(f"mean-{at}" for at in range(6)), 0.3, 0.02, 0.1),
        GroupImportance(("a", "b"), 0.2, 0.01, 0.15),
    )
    lines = section(card.render(replace(FACTS, joint=joint)), "What matters")
    assert "| `mean-0`, `mean-1`, `mean-2`, `mean-3` and 2 more | 0.3 | 0.02 | 0.1 |" in lines
    assert "| `a`, `b` | 0.2 | 0.01 | 0.15 |" in lines
    assert not any("together" in line for line in section(card.render(FACTS), "What matters"))


def test_limits_name_the_groups_whose_intervals_hold_surely_too_seldom():
    def group(label: str, rows: int, coverage: float) -> SliceScores:
        return SliceScores("kind", label, rows, {"mae": 1.0, "coverage": coverage}, {"mae": 2.0})

    slices = (
        group("noisy", 900, 0.72),
        group("few", 30, 0.8),
        group("nearly", 9000, 0.86),
        group("quiet", 900, 0.99),
    )
    facts = replace(FACTS, spec=DURATION, slices=slices)
    named = [line for line in section(card.render(facts), "Limits") if "held" in line]
    assert named == [
        "- Intervals held 72 % of the outcomes of kind `noisy` (900 executions), not 90 %."
    ]


def test_limits_are_never_empty():
    limits = section(card.render(replace(FACTS, slices=FACTS.slices[:1])), "Limits")
    assert "- In no group with enough executions is it worse than the baseline." in limits
    assert len(limits) >= 4
    assert len(section(card.render(replace(FACTS, slices=())), "Limits")) >= 3


def test_simulated_data_are_named_before_any_number():
    text = card.render(replace(FACTS, is_simulated=True))
    assert text.index("simulated data") < text.index("7,000")
    assert "simulated" not in card.render(FACTS)


def test_a_score_that_could_not_be_measured_is_a_dash():
    (row,) = (r for r in section(card.render(FACTS), "Candidates") if r.startswith("| **xgboost**"))
    assert row == "| **xgboost** | 0.3 | 0.9 | – |"


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    tables = [
        block.splitlines() for block in card.render(FACTS).split("\n\n") if block.startswith("| ")
    ]
    assert len(tables) == 4
    for table in tables:
        cells = {row.replace("\\|", "").count("|") for row in table}
        assert len(cells) == 1, table


def test_a_quantity_says_how_often_its_quantiles_held():
    held = LevelCoverage(0.95, 3000, ScoreInterval(0.941, 0.93, 0.952))
    text = card.render(replace(FACTS, spec=DURATION, coverage=(held,)))
    assert "| 0.95 | 3,000 | 0.941 (0.93 to 0.952) |" in section(text, "Quantiles on the test part")
    assert "Quantiles" not in card.render(FACTS)


def test_only_the_features_that_matter_most_are_listed():
    rows = [r for r in section(card.render(FACTS), "What matters") if "feature-" in r]
    assert len(rows) == 10
    assert rows[0] == "| `feature-0` | 1 | 0.01 |"


@pytest.mark.parametrize("name", ["risk_trained", "duration_trained"])
def test_a_training_becomes_a_card(name, request):
    trained = request.getfixturevalue(name)
    text = card.write(trained, "0.1.0")
    assert text.startswith(f"# {trained.spec.name}: {trained.kind}, ")
    assert trained.data_digest in text
    assert f"{trained.train_rows:,} executions, 1970-01-01 00:00" in text
    assert all(reason in text for reason in trained.verdict.reasons)
    assert "nan" not in text.lower().split()


def test_a_limit_of_training_rows_is_on_the_card():
    limited = replace(FACTS, spec=replace(RISK, split=replace(RISK.split, max_rows=7000)))
    assert "older ones were left out (the spec's `max_rows` is 7,000)" in card.render(limited)
    assert "max_rows" not in card.render(FACTS)
