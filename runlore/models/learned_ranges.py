"""What values each feature had among the rows that a version learned from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROFILE = "reference.json"  # histograms of the training rows, beside the model


@dataclass(frozen=True, slots=True)
class LearnedRange:
    """The smallest and the largest value; missing_share: of the rows, those without a value."""

    low: float
    high: float
    missing_share: float


LearnedRanges = Mapping[str, LearnedRange]  # by feature; those never known are not there


def read_ranges(folder: Path) -> LearnedRanges:
    """Read them from a bundle's folder; one that was made by hand has none."""
    path = folder / PROFILE
    if not path.is_file():
        return {}
    columns = json.loads(path.read_text(encoding="utf-8")).get("columns", ())
    numbers = (one for one in columns if one["moments"] and not one["is_category"])
    return {one["name"]: _range(one) for one in numbers}


def _range(column: Mapping[str, Any]) -> LearnedRange:
    moments, missing = column["moments"], column["missing"]
    return LearnedRange(moments[-2], moments[-1], missing / (moments[0] + missing))
