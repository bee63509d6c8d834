"""Output of `runlore ab`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runlore.cli.output import echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.experiments.actions.analysis import ExperimentStatus
    from runlore.experiments.actions.lifecycle import SeenUnits
    from runlore.experiments.queries.experiments import AbTest, RecordedLook
    from runlore.experiments.queries.unit_events import Intake
    from runlore.experiments.rules.size import SampleSize

SHOWN_REJECTS = 10


def show_test(test: "AbTest", what: str, *, json: bool) -> None:
    from runlore.experiments.views import report

    if json:
        emit_json(report.plan_document(test))
        return
    shares = ", ".join(f"{name} {share:.0%}" for name, share in test.design.shares.items())
    echo(f"{test.name} {what}: {shares}; control {test.design.control}, {test.state}")


def show_tests(tests: Sequence["AbTest"], *, json: bool) -> None:
    from runlore.experiments.views import report

    if json:
        emit_json({"tests": [report.plan_document(test) for test in tests]})
        return
    if not tests:
        echo("there are no A/B tests; `runlore ab create --help` shows how to create one")
        return
    rows = [
        {
            "test": test.name,
            "state": test.state,
            "variants": ", ".join(test.design.shares),
            "exposure": f"{test.design.exposure:.0%}",
            "started": "" if test.started_at is None else f"{test.started_at:%Y-%m-%d %H:%M}",
            "winner": test.winner or "",
        }
        for test in tests
    ]
    emit_table("A/B tests, newest first", rows)


def show_intake(done: Sequence["Intake"], *, json: bool) -> int:
    """How many were rejected."""
    faults: dict[str, int] = {}
    for intake in done:
        for reason, events in intake.faults.items():
            faults[reason] = faults.get(reason, 0) + events
    counts: dict[str, int] = {
        name: sum(getattr(intake, name) for intake in done)
        for name in ("given", "added", "duplicates", "rejected")
    }
    rejects = [reject for intake in done for reject in intake.rejects][:SHOWN_REJECTS]
    if json:
        emit_json({**counts, "faults": faults, "rejects": [vars(reject) for reject in rejects]})
        return counts["rejected"]
    echo(
        f"{counts['added']:,} events recorded, {counts['duplicates']:,} already known, "
        f"{counts['rejected']:,} rejected"
    )
    for reject in rejects:
        echo(f"  {reject.id}: {reject.reason}")
    return counts["rejected"]


def show_sightings(done: Sequence["SeenUnits"], *, json: bool) -> int:
    """How many were rejected."""
    rejects = [reject for chunk in done for reject in chunk.rejects]
    given, taken = sum(chunk.given for chunk in done), sum(chunk.taken for chunk in done)
    shown = [{"unit": unit, "reason": reason} for _, unit, reason in rejects[:SHOWN_REJECTS]]
    counts = {"given": given, "taken": taken, "rejected": len(rejects)}
    counts["known"] = given - taken - len(rejects)
    if json:
        emit_json({**counts, "rejects": shown})
        return len(rejects)
    echo(f"{taken:,} units recorded, {counts['known']:,} already known, {len(rejects):,} rejected")
    for reject in shown:
        echo(f"  {reject['unit']}: {reject['reason']}")
    return len(rejects)


def show_size(
    size: "SampleSize", variants: int, pace: tuple[float | None, float], *, json: bool
) -> None:
    """pace: units per day, where that is known, and the hours of the plan's window."""
    per_day, window_h = pace
    sizes = {"once": size.once, "anytime": size.anytime}
    days = {way: _days(n * variants, per_day, window_h) for way, n in sizes.items()}
    if json:
        each = {
            way: {"each": n, "in_all": n * variants, "days": days[way]} for way, n in sizes.items()
        }
        emit_json({**each, "speaks_from": size.speaks_from, "window_h": window_h})
        return
    when = {"once": "fixed horizon, one look at the end", "anytime": "anytime, any number of looks"}
    for way, n in sizes.items():
        takes = "" if days[way] is None else f", {days[way]:,.1f} days"
        echo(f"{when[way]}: {n:,} units per variant, {n * variants:,} in total{takes}")
    if size.speaks_from:
        echo(f"nothing is said of the mean before {size.speaks_from:,} units per variant")
    if window_h:
        echo(f"each unit is judged {window_h:,.3g} h after it got its variant")


def _days(units: int, per_day: float | None, window_h: float) -> float | None:
    from runlore.experiments.rules.size import days_needed
    from runlore.kernel.durations import HOUR_S

    return None if per_day is None else days_needed(units, per_day, window_h * HOUR_S)


def show_status(standing: "ExperimentStatus", *, json: bool) -> None:
    from runlore.experiments.views import report

    document = report.status_document(standing)
    if json:
        emit_json(document)
        return
    echo(f"{standing.test.name}: {report.conclude(standing)}")
    ran = f"ran {document['ran_h']:.1f} h, {document['looks']} analyses"
    echo(f"{standing.test.state}, {ran}, answer: {document['answer']}")
    rows = [
        {
            "variant": variant["name"],
            "units": f"{variant['units']:,}",
            "share": f"{variant['share']:.0%}",
        }
        for variant in document["variants"]
    ]
    emit_table("Units", rows)
    _show_crossed(document["variants"])
    _show_comparisons(document["comparisons"], document["fixed"])
    _show_caps(document["test"]["plan"]["metrics"])
    echo(f"sample ratio: {document['sample_ratio']['reason']}")
    for metric, answer in document["guardrails"].items():
        echo(f"guardrail {metric}: {answer}")
    for requirement in document["missing"]:
        echo(f"waits for: {requirement}")


def _show_caps(metrics: Sequence[Mapping[str, Any]]) -> None:
    for metric in metrics:
        if (cap := metric.get("cap")) is not None:
            echo(f"{metric['name']}: values beyond ±{cap:,.6g} count as ±{cap:,.6g}")


def _show_crossed(variants: Sequence[Mapping[str, Any]]) -> None:
    crossed = sum(variant["crossed"] for variant in variants)
    units = sum(variant["units"] for variant in variants)
    if crossed:
        echo(
            f"{crossed:,} of {units:,} units ({crossed / units:.1%}) met more than one variant;"
            " they count for their first one, and blur the difference"
        )


def show_looks(looks: Mapping[str, "RecordedLook"], *, json: bool) -> None:
    from runlore.experiments.views import report

    if json:
        emit_json({name: report.look_document(look) for name, look in looks.items()})
        return
    for name, look in looks.items():
        document = report.look_document(look)
        _show_comparisons(document["comparisons"], document["fixed"])
        echo(f"{name}, {report.headline(look)}")
        for reason in document["reasons"]:
            echo(f"  {reason}")
    if not looks:
        echo("no A/B test is running")


def _show_comparisons(
    comparisons: Sequence[Mapping[str, Any]], fixed: Sequence[Mapping[str, Any]]
) -> None:
    beside = {(figure["metric"], figure["variant"]): figure for figure in fixed}
    rows = [
        {
            "metric": comparison["metric"],
            "variant": comparison["variant"],
            "control": _number(comparison["control_value"]),
            "value": _number(comparison["variant_value"]),
            "difference (anytime)": _interval(comparison),
            "p (anytime)": _number(comparison["adjusted_p"]),
            "p (single look)": _number(once.get("p_value")),
            "power": _number(once.get("power")),
            "answer": comparison["answer"],
        }
        for comparison in comparisons
        for once in [beside.get((comparison["metric"], comparison["variant"]), {})]
    ]
    if rows:
        emit_table("Compared with the control", rows)


def _interval(comparison: Mapping[str, Any]) -> str:
    low, high = comparison["interval"]["low"], comparison["interval"]["high"]
    if low is None or high is None:
        return "not bounded yet"
    return f"{_number(comparison['difference'])} ({_number(low)} to {_number(high)})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
