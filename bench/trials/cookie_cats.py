"""A public A/B test of a game: when a gate comes later, fewer players come back."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from runlore.experiments.rules.analysis import Analysis, Observed, analyse_metrics
from runlore.experiments.rules.design import DecisionRule, Variant, design
from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.moments import moments_of_counts

DAY_7 = Metric("retention_7", "proportion", "higher", "primary")
DAY_1 = Metric("retention_1", "proportion", "higher", "secondary")
TEST = design(
    "cookie-cats",
    (Variant("gate_30"), Variant("gate_40")),
    (DAY_7, DAY_1),
    control="gate_30",
    rule=DecisionRule(horizon="fixed", least_units=40_000, correction="none"),
)


def analysed(path: Path) -> Analysis:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = np.loadtxt(lines, delimiter=",", skiprows=1, dtype=str)
    observed = {}
    for variant in TEST.variants:
        mine = rows[rows[:, 1] == variant.name]
        counts = {
            DAY_1.name: (mine[:, 3] == "TRUE").sum(),
            DAY_7.name: (mine[:, 4] == "TRUE").sum(),
        }
        metrics = {name: moments_of_counts(len(mine), int(n)) for name, n in counts.items()}
        observed[variant.name] = Observed(len(mine), metrics)
    return analyse_metrics(TEST, observed, elapsed_s=14 * 86_400.0)


def published(path: Path) -> dict[str, Any]:
    found = analysed(path)
    return {
        "answer": found.answer,
        "sample_ratio": found.sample_ratio.reason,
        "reasons": found.reasons,
        **{
            each.metric: {
                "gate_30": round(each.control_value, 4),
                "gate_40": round(each.variant_value, 4),
                "p": round(each.p_value, 4),
            }
            for each in found.comparisons
        },
    }
