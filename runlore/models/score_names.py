"""The scores' names for people."""

from collections.abc import Mapping

SCORE_NAMES: Mapping[str, str] = {
    "auc": "AUC",
    "brier": "Brier score",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "mae": "mean absolute error",
    "relative_accuracy": "relative accuracy",
    "coverage": "coverage",
}


def display(score: str, unit: str = "") -> str:
    """A score's name for people, with the unit where it has one; other words stay as they are.

    >>> display("auc", "s"), display("mae", "s"), display("AUC")
    ('AUC', 'mean absolute error, s', 'AUC')
    """
    name = SCORE_NAMES.get(score, score)
    return f"{name}, {unit}" if unit and score == "mae" else name


def metric_name(score: str, unit: str = "") -> str:
    """A score's name among the metrics of a run, where commas are not allowed.

    >>> metric_name("auc", "s"), metric_name("mae", "s")
    ('AUC', 'mean absolute error in s')
    """
    return display(score, unit).replace(", ", " in ")
