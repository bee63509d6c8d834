"""A test as JSON for the command and for HTTP, and as files: its looks as a table and a plot."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from runlore.experiments.actions import analysis
from runlore.experiments.actions.analysis import ExperimentStatus
from runlore.experiments.plots import IntervalsOverLooks, over_looks
from runlore.experiments.queries.experiments import AbTest, RecordedLook
from runlore.experiments.rules.analysis import Observed
from runlore.experiments.rules.comparison import VariantComparison
from runlore.kernel.durations import HOUR_S
from runlore.kernel.json_values import as_json
from runlore.records.spreadsheet import neutralise
from runlore.store.engine import Store

if TYPE_CHECKING:
    from datetime import datetime


Told = dict[str, Any]

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


def plan_document(found: AbTest) -> Told:
    design = found.design
    return {
        "id": str(found.public_id),
        "name": found.name,
        "state": found.state,
        "control": design.control,
        "shares": design.shares,
        "exposure": design.exposure,
        "group": as_json(design.slot) if design.slot else None,
        "plan": dict(found.plan),
        "winner": found.winner,
        **{
            name: as_json(getattr(found, name)) for name in ("created_at", "started_at", "ended_at")
        },
    }


def status_document(found: ExperimentStatus) -> Told:
    """Effects only where looking at them does no harm; guardrails and the sample ratio always."""
    ratio = found.seen.sample_ratio
    guards = {each.name for each in found.test.design.metrics if each.role == "guardrail"}
    shown = [each for each in found.seen.comparisons if found.is_open_book or each.metric in guards]
    return {
        "test": plan_document(found.test),
        "at": found.at.isoformat(),
        "ran_h": found.ran_s / HOUR_S,
        "answer": found.seen.answer if found.test.ended_as is None else _answer(found),
        "missing": list(found.missing),
        "looks": found.looks,
        "sample_ratio": {**as_json(ratio), "is_mismatch": ratio.is_mismatch},
        "variants": [_variant(name, each, found) for name, each in found.observed.items()],
        "comparisons": [_comparison(each) for each in shown],
        "fixed": as_json(found.fixed) if found.is_open_book else [],
        "guardrails": {
            name: _guard([each for each in shown if each.metric == name]) for name in sorted(guards)
        },
        "actions": as_json(found.actions),
    }


def look_document(found: RecordedLook) -> Told:
    told = {name: found.analysis[name] for name in ("comparisons", "sample_ratio", "reasons")}
    beside = {name: found.analysis[name] for name in ("fixed", "chi_square", "ran_s")}
    return {
        **{
            name: getattr(found, name) for name in ("look", "actor", "answer", "winner", "is_final")
        },
        "at": found.at.isoformat(),
        **told,
        **beside,
    }


def _answer(found: ExperimentStatus) -> str:
    return "winner" if found.test.winner else "no winner"


def _variant(name: str, each: Observed, found: ExperimentStatus) -> Told:
    totals: Mapping[str, Any] = {
        total.event: {"events": total.events, "units": total.units, "total": total.total}
        for total in found.totals
        if total.variant == name
    }
    return {
        "name": name,
        "units": each.assigned,
        "share": found.test.design.shares[name],
        "known": {metric: got.n for metric, got in each.metrics.items()},
        "events": totals,
    }


def _comparison(each: VariantComparison) -> Told:
    told: Told = as_json(each)
    return told | {"difference": as_json(each.difference), "relative": as_json(each.relative)}


def _guard(comparisons: list[VariantComparison]) -> str:
    """broken by any variant; kept by all; else open."""
    found = {each.loss for each in comparisons}
    if "broken" in found:
        return "broken"
    return "kept" if found == {"kept"} else "open"


def export(store: Store, name: str | UUID, reports: Path, at: "datetime") -> list[Path]:
    """Write test.json, looks.csv and a figure per metric (PNG and SVG) under `reports`/ab."""
    status = analysis.status(store, name, at)
    test, looks = analysis.looks(store, name)
    folder = reports / "ab" / _plain(test.name)
    folder.mkdir(parents=True, exist_ok=True)
    told = {"status": status_document(status), "looks": [look_document(each) for each in looks]}
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


def _course(variant: str, metric: str, looks: Sequence[RecordedLook]) -> IntervalsOverLooks:
    rows: list[tuple[float, dict[str, Any]]] = [
        (look.analysis["ran_s"], each)
        for look in looks
        for each in look.analysis["comparisons"]
        if (each["metric"], each["variant"]) == (metric, variant)
    ]
    return IntervalsOverLooks(
        variant,
        hours=_floats([ran_s / HOUR_S for ran_s, _ in rows]),
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
