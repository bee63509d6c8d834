"""A test as files: all that is known of it, its looks as a table, and how sure it became."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from runlore.experiments.actions import analysis
from runlore.experiments.plots import Course, over_looks
from runlore.experiments.queries.analyses import RecordedLook
from runlore.experiments.queries.experiments import AbTest
from runlore.experiments.views import documents
from runlore.records.spreadsheet import neutralise
from runlore.store.engine import Store

if TYPE_CHECKING:
    from datetime import datetime

COLUMNS = (
    "metric",
    "variant",
    "control_value",
    "variant_value",
    "difference",
    "p_value",
    "adjusted_p",
    "effect_size",
    "loss",
    "answer",
)
PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def export(store: Store, name: str | UUID, reports: Path, at: "datetime") -> list[Path]:
    """Write test.json, looks.csv and a figure per metric (PNG and SVG) under `reports`/ab."""
    status = analysis.status(store, name, at)
    test, looks = analysis.looks(store, name)
    folder = reports / "ab" / _plain(test.name)
    folder.mkdir(parents=True, exist_ok=True)
    told = {"status": documents.status(status), "looks": [documents.look(each) for each in looks]}
    (folder / "test.json").write_text(json.dumps(told, indent=2), encoding="utf-8")
    _write_looks(folder / "looks.csv", looks)
    figures = [
        path for metric in test.design.metrics for path in _draw(folder, test, metric.name, looks)
    ]
    return [folder / "test.json", folder / "looks.csv", *figures]


def headline(look: RecordedLook) -> str:
    answer = f"{look.answer}: {look.winner}" if look.winner else look.answer
    return f"look {look.look}: {answer}" + (", and the test is over" if look.is_final else "")


def markdown(name: str, look: RecordedLook) -> str:
    """A look for a page: what it says, each comparison, the reasons."""
    parts = [f"## {name}, {headline(look)}", ""]
    found = look.analysis["comparisons"]
    if found:
        parts += ["| metric | variant | control | value | difference | p | |", "|-|-|-|-|-|-|-|"]
        parts += [_row(each) for each in found]
    return "\n".join([*parts, "", *(f"- {reason}" for reason in look.analysis["reasons"])])


def _row(each: Mapping[str, Any]) -> str:
    low, high = each["interval"]["low"], each["interval"]["high"]
    bounds = "not bounded yet" if low is None or high is None else f"{low:.4g} to {high:.4g}"
    numbers = (each[name] for name in ("control_value", "variant_value", "adjusted_p"))
    control, value, p = ("" if number is None else f"{number:.4g}" for number in numbers)
    cells = (each["metric"], each["variant"], control, value, bounds, p, each["answer"])
    return f"| {' | '.join(cells)} |"


def _write_looks(path: Path, looks: Sequence[RecordedLook]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["look", "at", "ran_s", "control_units", "units", *COLUMNS, "low", "high"])
        for look in looks:
            for each in look.analysis["comparisons"]:
                table.writerow(
                    [look.look, look.at.isoformat(), look.analysis["ran_s"], *each["units"]]
                    + [neutralise(each[name]) for name in COLUMNS]
                    + [each["interval"]["low"], each["interval"]["high"]]
                )


def _draw(folder: Path, test: AbTest, metric: str, looks: Sequence[RecordedLook]) -> list[Path]:
    courses = [_course(name, metric, looks) for name in test.design.treatments]
    is_anytime = test.design.rule.horizon == "anytime"
    figure = over_looks(metric, test.design.control, courses, hold_always=is_anytime)
    paths = [folder / f"{_plain(metric)}.{kind}" for kind in ("png", "svg")]
    for path in paths:
        figure.savefig(path, dpi=144)
    return paths


def _course(variant: str, metric: str, looks: Sequence[RecordedLook]) -> Course:
    rows: list[tuple[float, dict[str, Any]]] = [
        (look.analysis["ran_s"], each)
        for look in looks
        for each in look.analysis["comparisons"]
        if (each["metric"], each["variant"]) == (metric, variant)
    ]
    return Course(
        variant,
        hours=_floats([ran_s / 3600 for ran_s, _ in rows]),
        units=_floats([sum(each["units"]) for _, each in rows]),
        difference=_floats([each["difference"] for _, each in rows]),
        low=_floats([each["interval"]["low"] for _, each in rows]),
        high=_floats([each["interval"]["high"] for _, each in rows]),
    )


def _floats(values: Sequence[float | None]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _plain(name: str) -> str:
    """A name as part of a path: never a way out of the folder.

    >>> _plain("risk or ../rule"), _plain("..")
    ('risk-or-..-rule', 'x..')
    """
    words = PLAIN.sub("-", name)
    return f"x{words}" if set(words) <= {"."} else words
