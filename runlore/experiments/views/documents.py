"""Tests, their status and looks as plain JSON: for the command, and for every dialect of HTTP."""

from collections.abc import Mapping
from typing import Any

from runlore.experiments.actions.analysis import ExperimentStatus
from runlore.experiments.queries.analyses import RecordedLook
from runlore.experiments.queries.experiments import AbTest
from runlore.experiments.rules.analysis import Observed
from runlore.experiments.rules.comparison import VariantComparison
from runlore.kernel.documents import as_json

Told = dict[str, Any]


def test(found: AbTest) -> Told:
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


def status(found: ExperimentStatus) -> Told:
    """Effects only where looking at them does no harm; guardrails and the sample ratio always."""
    ratio = found.seen.sample_ratio
    guards = {each.name for each in found.test.design.metrics if each.role == "guardrail"}
    shown = [each for each in found.seen.comparisons if found.is_open_book or each.metric in guards]
    return {
        "test": test(found.test),
        "at": found.at.isoformat(),
        "ran_h": found.ran_s / 3600,
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


def look(found: RecordedLook) -> Told:
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
