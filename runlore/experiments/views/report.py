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
from runlore.experiments.actions.analysis import READY, ExperimentStatus, undecidable
from runlore.experiments.plots import IntervalsOverLooks, over_looks
from runlore.experiments.queries.experiments import AbTest, RecordedLook
from runlore.experiments.rules.analysis import Observed
from runlore.experiments.rules.comparison import VariantComparison
from runlore.kernel.conclusion import NOTHING_TO_DO, Conclusion
from runlore.kernel.durations import HOUR_S
from runlore.kernel.json_values import as_json
from runlore.records.spreadsheet import neutralise
from runlore.store.engine import Store

if TYPE_CHECKING:
    from datetime import datetime


Document = dict[str, Any]

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


def plan_document(test: AbTest) -> Document:
    design = test.design
    return {
        "id": str(test.public_id),
        "name": test.name,
        "state": test.state,
        "control": design.control,
        "shares": design.shares,
        "exposure": design.exposure,
        "group": as_json(design.slot) if design.slot else None,
        "plan": dict(test.plan),
        "winner": test.winner,
        **{name: as_json(getattr(test, name)) for name in ("created_at", "started_at", "ended_at")},
    }


def status_document(status: ExperimentStatus) -> Document:
    """Return the status as JSON; effects only where looking at them does no harm."""
    ratio = status.seen.sample_ratio
    guards = {metric.name for metric in status.test.design.metrics if metric.role == "guardrail"}
    shown = [
        comparison
        for comparison in status.seen.comparisons
        if status.is_open_book or comparison.metric in guards
    ]
    return {
        **as_json(conclude(status)),
        "test": plan_document(status.test),
        "at": status.at.isoformat(),
        "ran_h": status.ran_s / HOUR_S,
        "answer": status.seen.answer if status.test.ended_as is None else _answer(status),
        "missing": list(status.missing),
        "looks": status.looks,
        "sample_ratio": {**as_json(ratio), "is_mismatch": ratio.is_mismatch},
        "variants": [_variant(name, arm, status) for name, arm in status.observed.items()],
        "comparisons": [_comparison(comparison) for comparison in shown],
        "fixed": as_json(status.fixed) if status.is_open_book else [],
        "guardrails": {
            name: _guard([comparison for comparison in shown if comparison.metric == name])
            for name in sorted(guards)
        },
        "actions": as_json(status.actions),
    }


def conclude(status: ExperimentStatus) -> Conclusion:
    """What the units say so far, and what a decision waits for."""
    name = repr(status.test.name)
    if status.seen.sample_ratio.is_mismatch:
        return Conclusion(
            "No conclusion: the variants have other shares than planned.",
            f"Find out how units get lost: {status.seen.sample_ratio.reason}.",
        )
    if status.test.ended_as is not None:
        won = f"{status.test.winner} won" if status.test.winner else "no variant won"
        return Conclusion(f"It is over: {won}.", NOTHING_TO_DO)
    if status.test.started_at is None:
        return Conclusion("It has not started.", f"Start it: `runlore ab start {name}`.")
    if undecidable(status.test):
        return Conclusion(
            "No conclusion: the plan has no window, which its metrics need.",
            f"Stop it: `runlore ab stop {name}`, and plan another test with `window_s`.",
        )
    if status.missing and status.missing != READY:
        return Conclusion("No decision yet.", f"Wait: {status.missing[0]}.")
    return Conclusion("It can be decided.", f"Analyse it: `runlore ab analyze {name}`.")


def look_document(look: RecordedLook) -> Document:
    content = {name: look.analysis[name] for name in ("comparisons", "sample_ratio", "reasons")}
    beside = {name: look.analysis[name] for name in ("fixed", "chi_square", "ran_s")}
    return {
        **{name: getattr(look, name) for name in ("look", "actor", "answer", "winner", "is_final")},
        "at": look.at.isoformat(),
        **content,
        **beside,
    }


def _answer(status: ExperimentStatus) -> str:
    return "winner" if status.test.winner else "no winner"


def _variant(name: str, arm: Observed, status: ExperimentStatus) -> Document:
    totals: Mapping[str, Any] = {
        total.event: {"events": total.events, "units": total.units, "total": total.total}
        for total in status.totals
        if total.variant == name
    }
    return {
        "name": name,
        "units": arm.assigned,
        "crossed": status.crossed.get(name, 0),
        "share": status.test.design.shares[name],
        "known": {metric: got.n for metric, got in arm.metrics.items()},
        "events": totals,
    }


def _comparison(comparison: VariantComparison) -> Document:
    content: Document = as_json(comparison)
    return content | {
        "difference": as_json(comparison.difference),
        "relative": as_json(comparison.relative),
    }


def _guard(comparisons: list[VariantComparison]) -> str:
    """broken by any variant; kept by all; else open."""
    answers = {comparison.loss for comparison in comparisons}
    if "broken" in answers:
        return "broken"
    return "kept" if answers == {"kept"} else "open"


def export(store: Store, name: str | UUID, reports: Path, at: "datetime") -> list[Path]:
    """Write test.json, looks.csv and a figure per metric (PNG and SVG) under `reports`/ab."""
    status = analysis.status(store, name, at)
    test, looks = analysis.looks(store, name)
    folder = reports / "ab" / _plain(test.name)
    folder.mkdir(parents=True, exist_ok=True)
    content = {"status": status_document(status), "looks": [look_document(look) for look in looks]}
    (folder / "test.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    _write_looks(folder / "looks.csv", looks)
    figures = [
        path for metric in test.design.metrics for path in _draw(folder, test, metric.name, looks)
    ]
    return [folder / "test.json", folder / "looks.csv", *figures]


def headline(look: RecordedLook) -> str:
    answer = f"{look.answer}: {look.winner}" if look.winner else look.answer
    return f"look {look.look}: {answer}" + (", and the test is over" if look.is_final else "")


def markdown(name: str, look: RecordedLook) -> str:
    """Render a look as Markdown: its answer, each comparison, the reasons."""
    parts = [f"## {name}, {headline(look)}", ""]
    comparisons = look.analysis["comparisons"]
    if comparisons:
        parts += ["| metric | variant | control | value | difference | p | |", "|-|-|-|-|-|-|-|"]
        parts += [_row(comparison) for comparison in comparisons]
    return "\n".join([*parts, "", *(f"- {reason}" for reason in look.analysis["reasons"])])


def _row(comparison: Mapping[str, Any]) -> str:
    low, high = comparison["interval"]["low"], comparison["interval"]["high"]
    bounds = "not bounded yet" if low is None or high is None else f"{low:.4g} to {high:.4g}"
    numbers = (comparison[name] for name in ("control_value", "variant_value", "adjusted_p"))
    control, value, p = ("" if number is None else f"{number:.4g}" for number in numbers)
    cells = (
        comparison["metric"],
        comparison["variant"],
        control,
        value,
        bounds,
        p,
        comparison["answer"],
    )
    return f"| {' | '.join(cells)} |"


def _write_looks(path: Path, looks: Sequence[RecordedLook]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["look", "at", "ran_s", "control_units", "units", *COLUMNS, "low", "high"])
        for look in looks:
            for comparison in look.analysis["comparisons"]:
                table.writerow(
                    [look.look, look.at.isoformat(), look.analysis["ran_s"], *comparison["units"]]
                    + [neutralise(comparison[name]) for name in COLUMNS]
                    + [comparison["interval"]["low"], comparison["interval"]["high"]]
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
        (look.analysis["ran_s"], comparison)
        for look in looks
        for comparison in look.analysis["comparisons"]
        if (comparison["metric"], comparison["variant"]) == (metric, variant)
    ]
    return IntervalsOverLooks(
        variant,
        hours=_floats([ran_s / HOUR_S for ran_s, _ in rows]),
        units=_floats([sum(comparison["units"]) for _, comparison in rows]),
        difference=_floats([comparison["difference"] for _, comparison in rows]),
        low=_floats([comparison["interval"]["low"] for _, comparison in rows]),
        high=_floats([comparison["interval"]["high"] for _, comparison in rows]),
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
