"""What a training of a series spec learned, as JSON: no pickle, nothing that runs."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from runlore.signals.rules.forecasts.forecasting import LearnedForecaster, Skill
from runlore.signals.rules.series.grid import Floats
from runlore.signals.rules.series.seasons import Seasons

DIGITS = 7  # significant ones; more would only make files longer


@dataclass(frozen=True)
class ForecasterKey:
    """Which series, and how far ahead in seconds."""

    source: str
    name: str
    scope: str
    horizon_s: float


@dataclass(frozen=True)
class StoredForecaster:
    """step_s: of the grid that it was learned on; it holds for no other. until_us: its end."""

    step_s: int
    until_us: int
    learned: LearnedForecaster


@dataclass(frozen=True)
class PromisedSkill:
    """What was measured at the training on values that it had not seen.

    ratio: of the error to that of the last season again, the geometric mean over the series.
    coverage: the share of values that bands held. series: how many were measured.
    """

    ratio: float
    coverage: float
    series: int


@dataclass(frozen=True)
class SeriesModel:
    """promised: by the horizon in seconds; those that could not be measured are missing."""

    spec: str
    forecasters: Mapping[ForecasterKey, StoredForecaster]
    promised: Mapping[float, PromisedSkill] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "spec": self.spec,
            "promised": [
                {"horizon_s": horizon_s, **asdict(skill)}
                for horizon_s, skill in sorted(self.promised.items())
            ],
            "forecasters": [
                {**asdict(key), **_grid_json(stored), **_learned_json(stored.learned)}
                for key, stored in self.forecasters.items()
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SeriesModel":
        promised = {
            one["horizon_s"]: PromisedSkill(one["ratio"], one["coverage"], one["series"])
            for one in data["promised"]
        }
        return cls(data["spec"], dict(map(_entry, data["forecasters"])), promised)


def _grid_json(stored: StoredForecaster) -> dict[str, int]:
    return {"step_s": stored.step_s, "until_us": stored.until_us}


def _learned_json(learned: LearnedForecaster) -> dict[str, Any]:
    return {
        "seasons": [learned.seasons.short, learned.seasons.long],
        "weights": {name: _short(weight) for name, weight in learned.weights.items()},
        "half_widths": [
            [len(list(run)), _short(width)] for width, run in groupby(learned.half.tolist())
        ],
        "level": learned.level,
        "skill": asdict(learned.skill),
        "note": learned.note,
    }


def _entry(data: Mapping[str, Any]) -> tuple[ForecasterKey, StoredForecaster]:
    learned = LearnedForecaster(
        Seasons(*data["seasons"]),
        dict(data["weights"]),
        _widths(data["half_widths"]),
        data["level"],
        Skill(**data["skill"]),
        data["note"],
    )
    key = ForecasterKey(data["source"], data["name"], data["scope"], data["horizon_s"])
    return key, StoredForecaster(data["step_s"], data["until_us"], learned)


def _widths(runs: Iterable[tuple[int, float]]) -> Floats:
    """Widths are the same over whole blocks of steps, so their lengths are stored."""
    lengths, widths = zip(*runs, strict=True)
    return np.repeat(np.asarray(widths, dtype=np.float64), lengths)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
