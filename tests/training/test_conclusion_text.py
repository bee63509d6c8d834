"""What a training came to, in one sentence."""

from runlore.training.views import conclude

PASSED = {
    "passed": True,
    "version": "3",
    "alias": None,
    "scores": {"auc": 0.78},
    "baseline": {"auc": 0.71},
    "unit": "",
}


def test_the_same_data_again_is_said_to_be_registered_already_and_names_no_alias() -> None:
    text = str(conclude("failure-risk", PASSED))
    assert text.startswith("Version 3 is registered already: AUC 0.78 (baseline 0.71).")
    assert "None" not in text
