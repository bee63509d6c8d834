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
        emit_json({"tests": [report.plan_document(each) for each in tests]})
        return
    if not tests:
        echo("there are no A/B tests; `runlore ab create --help` shows how to create one")
        return
    rows = [
        {
            "test": each.name,
            "state": each.state,
            "variants": ", ".join(each.design.shares),
            "exposure": f"{each.design.exposure:.0%}",
            "started": "" if each.started_at is None else f"{each.started_at:%Y-%m-%d %H:%M}",
            "winner": each.winner or "",
        }
        for each in tests
    ]
    emit_table("A/B tests, newest first", rows)


def show_intake(done: Sequence["Intake"], *, json: bool) -> int:
    """How many were rejected."""
    faults: dict[str, int] = {}
    for each in done:
        for reason, events in each.faults.items():
            faults[reason] = faults.get(reason, 0) + events
    told: dict[str, int] = {
        name: sum(getattr(each, name) for each in done)
        for name in ("given", "added", "duplicates", "rejected")
    }
    rejects = [reject for each in done for reject in each.rejects][:SHOWN_REJECTS]
    if json:
        emit_json({**told, "faults": faults, "rejects": [vars(each) for each in rejects]})
        return told["rejected"]
    echo(
        f"{told['added']:,} events recorded, {told['duplicates']:,} already known, "
        f"{told['rejected']:,} rejected"
    )
    for reject in rejects:
        echo(f"  {reject.id}: {reject.reason}")
    return told["rejected"]


def show_sightings(done: Sequence["SeenUnits"], *, json: bool) -> int:
    """How many were rejected."""
    rejects = [reject for each in done for reject in each.rejects]
    given, taken = sum(each.given for each in done), sum(each.taken for each in done)
    shown = [{"unit": unit, "reason": reason} for _, unit, reason in rejects[:SHOWN_REJECTS]]
    told = {"given": given, "taken": taken, "rejected": len(rejects)}
    told["known"] = given - taken - len(rejects)
    if json:
        emit_json({**told, "rejects": shown})
        return len(rejects)
    echo(f"{taken:,} units recorded, {told['known']:,} already known, {len(rejects):,} rejected")
    for each in shown:
        echo(f"  {each['unit']}: {each['reason']}")
    return len(rejects)


def show_size(found: "SampleSize", variants: int, *, json: bool) -> None:
    each = {"once": found.once, "anytime": found.anytime}
    if json:
        emit_json({way: {"each": n, "in_all": n * variants} for way, n in each.items()})
        return
    when = {"once": "fixed horizon, one look at the end", "anytime": "anytime, any number of looks"}
    for way, n in each.items():
        echo(f"{when[way]}: {n:,} units per variant, {n * variants:,} in total")


def show_status(found: "ExperimentStatus", *, json: bool) -> None:
    from runlore.experiments.views import report

    told = report.status_document(found)
    if json:
        emit_json(told)
        return
    ran = f"ran {told['ran_h']:.1f} h, {told['looks']} analyses"
    echo(f"{found.test.name}: {found.test.state}, {ran}, answer: {told['answer']}")
    rows = [
        {"variant": each["name"], "units": f"{each['units']:,}", "share": f"{each['share']:.0%}"}
        for each in told["variants"]
    ]
    emit_table("Units", rows)
    _show_comparisons(told["comparisons"], told["fixed"])
    echo(f"sample ratio: {told['sample_ratio']['reason']}")
    for metric, answer in told["guardrails"].items():
        echo(f"guardrail {metric}: {answer}")
    for each in told["missing"]:
        echo(f"waits for: {each}")


def show_looks(found: Mapping[str, "RecordedLook"], *, json: bool) -> None:
    from runlore.experiments.views import report

    if json:
        emit_json({name: report.look_document(look) for name, look in found.items()})
        return
    for name, look in found.items():
        told = report.look_document(look)
        _show_comparisons(told["comparisons"], told["fixed"])
        echo(f"{name}, {report.headline(look)}")
        for reason in told["reasons"]:
            echo(f"  {reason}")
    if not found:
        echo("no A/B test is running")


def _show_comparisons(
    found: Sequence[Mapping[str, Any]], fixed: Sequence[Mapping[str, Any]]
) -> None:
    beside = {(each["metric"], each["variant"]): each for each in fixed}
    rows = [
        {
            "metric": each["metric"],
            "variant": each["variant"],
            "control": _number(each["control_value"]),
            "value": _number(each["variant_value"]),
            "difference (anytime)": _interval(each),
            "p (anytime)": _number(each["adjusted_p"]),
            "p (single look)": _number(once.get("p_value")),
            "power": _number(once.get("power")),
            "answer": each["answer"],
        }
        for each in found
        for once in [beside.get((each["metric"], each["variant"]), {})]
    ]
    if rows:
        emit_table("Compared with the control", rows)


def _interval(each: Mapping[str, Any]) -> str:
    low, high = each["interval"]["low"], each["interval"]["high"]
    if low is None or high is None:
        return "not bounded yet"
    return f"{_number(each['difference'])} ({_number(low)} to {_number(high)})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
