"""Analyse an A/B test: read its outcomes, apply its rule, raise its alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.experiments.actions.lifecycle import (
    ALERTS,
    GUARDRAIL,
    MISSING,
    SAMPLE_RATIO,
    Attribution,
    end_alerts,
    known,
    subject,
)
from runlore.experiments.actions.plan import Plan
from runlore.experiments.queries import experiments, ledger_units, statistics, unit_events
from runlore.experiments.queries.experiments import AbTest, Action, RecordedLook
from runlore.experiments.queries.unit_events import EventTotal
from runlore.experiments.rules import missing
from runlore.experiments.rules.analysis import Analysis, Observed, analyse_metrics
from runlore.experiments.rules.fixed_figures import FixedSizeResult, fixed_figures
from runlore.experiments.rules.missing import OutcomeCoverage
from runlore.experiments.rules.outcome_metric import no_statistics
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import Refused
from runlore.kernel.json_values import as_json
from runlore.store.engine import Connection, Store

DUE_S = HOUR_S  # When an outcome is due after the assignment, in a test without a window
NONE_DUE = OutcomeCoverage(0, 0)
READY = ("nothing: analyse it",)  # what a test waits for that may be decided


@dataclass(frozen=True)
class ExperimentStatus:
    """The state of a test, read without counting as a look.

    seen: what its units brought so far, judged as of now. missing: what a decision waits for.
    last: the newest look that was kept; looks: how many there were. crossed: variant -> its units
    that met another variant as well; they count for their first one.
    """

    test: AbTest
    at: datetime
    ran_s: float
    observed: Mapping[str, Observed]
    seen: Analysis
    fixed: tuple[FixedSizeResult, ...]
    totals: tuple[EventTotal, ...]
    looks: int
    last: RecordedLook | None
    missing: tuple[str, ...]
    actions: tuple[Action, ...]
    crossed: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_open_book(self) -> bool:
        """Whether effects may be shown: under a fixed horizon only when it has been decided."""
        return self.test.design.rule.horizon == "anytime" or self.test.ended_as is not None


def analyse(store: Store, name: str | UUID, by: Attribution) -> RecordedLook:
    """Take one look: it is stored with its evidence, and ends the test when the rule says so.

    A test that is over gives its last look. What makes it invalid, and a broken guardrail, are
    alerts while it runs.
    """
    with store.begin() as connection:
        test = known(connection, name, locked=True)
        if test.state == "created":
            raise Refused(f"A/B test {test.name!r} has not started")
        last = experiments.last_look(connection, test.id)
        if test.ended_as is not None and last is not None:
            return last
        test = _collected(connection, test, by.at)
        observed = _observe(connection, test, by.at)
        analysis = _judge(test, observed, by.at)
        number = 1 if last is None else last.look + 1
        look = _look(test, analysis, observed, by, number)
        experiments.add_look(connection, test.id, look)
        if test.ended_as is None:
            _alert(connection, test, analysis, by.at)
            if analysis.is_final:
                _end(connection, test, analysis, by)
        return look


def running(store: Store) -> list[str]:
    """The names of the tests that run, the oldest first."""
    with store.begin() as connection:
        every = reversed(experiments.every(connection))
        return [test.name for test in every if test.state == "running"]


def analyse_running(store: Store, by: Attribution) -> dict[str, RecordedLook]:
    """Look at every test that runs. The first error is raised when all have been looked at."""
    looked: dict[str, RecordedLook] = {}
    errors: list[Exception] = []
    for name in running(store):
        try:
            looked[name] = analyse(store, name, by)
        except Exception as error:  # noqa: BLE001  (whatever it is, others have their look)
            errors.append(error)
    if errors:
        raise errors[0]
    return looked


def status(store: Store, name: str | UUID, at: datetime) -> ExperimentStatus:
    """Analyse a test without recording a look. Raises NotFound if there is no such test."""
    with store.begin() as connection:
        test = known(connection, name)
        observed = _observe(connection, test, at)
        seen = _judge(test, observed, at)
        fixed = _fixed(test, seen, observed)
        last = experiments.last_look(connection, test.id)
        return ExperimentStatus(
            test,
            at,
            test.ran_s(at),
            observed,
            seen,
            fixed,
            tuple(unit_events.totals(connection, test)),
            0 if last is None else last.look,
            last,
            _missing(test, seen, fixed, observed),
            tuple(experiments.actions(connection, test)),
            unit_events.count_crossed(connection, test.id),
        )


def looks(store: Store, name: str | UUID) -> tuple[AbTest, list[RecordedLook]]:
    """A test with all looks that were kept, the oldest first."""
    with store.begin() as connection:
        test = known(connection, name)
        return test, experiments.read_looks(connection, test.id)


def _collected(connection: Connection, test: AbTest, at: datetime) -> AbTest:
    """Collect what has come in since the last look, of a test on the ledger."""
    plan = Plan.model_validate(test.plan)
    if plan.source is None or test.ended_as is not None:
        return test
    return ledger_units.collect(connection, test, plan.source, plan.events, at)


def _observe(connection: Connection, test: AbTest, at: datetime) -> dict[str, Observed]:
    """Each metric is one pass over units.

    Units are counted last: those that come in the meantime must not look counted twice.
    """
    plan = Plan.model_validate(test.plan)
    mature = at - timedelta(seconds=plan.window_s or 0.0)
    statistics.read_whole(connection)
    by_metric = {
        metric.name: statistics.observe(
            connection, test.id, metric, plan.measures[metric.name], mature
        )
        for metric in test.design.metrics
    }
    lacking = _known(connection, test, plan, at)
    assigned = unit_events.count(connection, test.id)
    return {
        variant.name: Observed(
            assigned.get(variant.name, 0),
            {
                metric.name: by_metric[metric.name].get(variant.name, no_statistics(metric))
                for metric in test.design.metrics
            },
            {metric: of.get(variant.name, NONE_DUE) for metric, of in lacking.items()},
        )
        for variant in test.design.variants
    }


def undecidable(test: AbTest) -> Mapping[str, str]:
    """Map metrics to why they decide nothing: tests of older releases may have no window."""
    return Plan.model_validate(test.plan).undecidable


def _judge(test: AbTest, observed: Mapping[str, Observed], at: datetime) -> Analysis:
    return analyse_metrics(test.design, observed, test.ran_s(at), undecidable(test))


def _fixed(
    test: AbTest, analysis: Analysis, observed: Mapping[str, Observed]
) -> tuple[FixedSizeResult, ...]:
    """The figures for one look, of what something may be said of."""
    if analysis.answer == "invalid":
        return ()
    withheld = {(one.metric, one.variant) for one in analysis.comparisons if one.withheld}
    figures = fixed_figures(test.design, observed)
    return tuple(one for one in figures if (one.metric, one.variant) not in withheld)


def _known(
    connection: Connection, test: AbTest, plan: Plan, at: datetime
) -> dict[str, dict[str, OutcomeCoverage]]:
    """Metric -> variant, of metrics that a unit without events has no value of."""
    span = timedelta(seconds=plan.window_s or DUE_S)
    due = min(at, test.ended_at or at) - span
    return {
        metric: statistics.known(connection, test.id, measure.event, due)
        for metric, measure in plan.measures.items()
        if measure.may_be_unknown
    }


def _look(
    test: AbTest, analysis: Analysis, observed: Mapping[str, Observed], by: Attribution, number: int
) -> RecordedLook:
    fixed = _fixed(test, analysis, observed)
    content: dict[str, Any] = as_json(analysis)
    for written, comparison in zip(content["comparisons"], analysis.comparisons, strict=True):
        written |= {"difference": as_json(comparison.difference)}
        written |= {"relative": as_json(comparison.relative)}
    content["sample_ratio"]["is_mismatch"] = analysis.sample_ratio.is_mismatch
    ran_s = test.ran_s(by.at)
    return RecordedLook(
        number,
        by.at,
        by.actor,
        analysis.answer,
        analysis.winner,
        analysis.is_final,
        {**content, "fixed": as_json(fixed), "ran_s": ran_s},
        {
            name: {
                "assigned": arm.assigned,
                "metrics": {metric: as_json(got.to_json()) for metric, got in arm.metrics.items()},
                "known": as_json(arm.known),
            }
            for name, arm in observed.items()
        },
    )


def _end(connection: Connection, test: AbTest, analysis: Analysis, by: Attribution) -> None:
    decided = replace(by, reason=analysis.winner or "no winner").action("decided")
    experiments.note(connection, test, decided)
    end_alerts(connection, test, by.at)
    experiments.change(connection, test, ended_at=by.at, ended_as="decided", winner=analysis.winner)


def _missing(
    test: AbTest,
    seen: Analysis,
    fixed: tuple[FixedSizeResult, ...],
    observed: Mapping[str, Observed],
) -> tuple[str, ...]:
    """What stands between now and a decision; nothing when it is decided."""
    if test.ended_as is not None:
        return ()
    if test.state == "created":
        return ("it has not started",)
    if seen.answer != "not yet":
        return seen.reasons if seen.answer == "invalid" else READY
    names = {metric.name for metric in test.design.primary}
    power = tuple(
        f"{figure.variant}, {figure.metric}: power {figure.power:.0%} for the difference so far; "
        f"80 % takes {figure.units_needed:,} units of the control"
        for figure in fixed
        if figure.metric in names and figure.units_needed is not None
    )
    young = _young(test, observed)
    return (*seen.reasons, *young, *(power if test.design.rule.horizon == "anytime" else ()))


def _young(test: AbTest, observed: Mapping[str, Observed]) -> tuple[str, ...]:
    """That units wait for the end of their window, where some do."""
    window_s = Plan.model_validate(test.plan).window_s
    waiting = sum(
        arm.assigned - max(arm.metrics[metric.name].n for metric in test.design.primary)
        for arm in observed.values()
    )
    if window_s is None or not waiting:
        return ()
    return (f"{waiting:,} units wait for the end of their window of {window_s / HOUR_S:.3g} h",)


def _alert(connection: Connection, test: AbTest, analysis: Analysis, at: datetime) -> None:
    """Causes in the order of their names, as `raise_alert` wants them."""
    findings = (_broken(test, analysis), _lost(test, analysis), _uneven(test, analysis))
    for kind, finding in zip(ALERTS, findings, strict=True):
        if finding is None:
            resolve_alert(connection, kind, subject(test), at)
        else:
            raise_alert(connection, replace(finding, since=test.started_at), at)


def _broken(test: AbTest, analysis: Analysis) -> AlertFinding | None:
    broken = [
        comparison
        for comparison in analysis.comparisons
        if _is_broken(test, comparison.metric, comparison.loss)
    ]
    if not broken:
        return None
    summary = "; ".join(
        f"{comparison.metric} of {comparison.variant}: "
        f"{comparison.control_value:.4g} → {comparison.variant_value:.4g}"
        for comparison in broken
    )
    advice = f"stop it: runlore ab stop {test.name!r}"
    evidence = {"comparisons": [as_json(comparison) for comparison in broken]}
    finding = AlertFinding(GUARDRAIL, subject(test), Severity.CRITICAL, summary, "", advice)
    return replace(finding, evidence=evidence)


def _lost(test: AbTest, analysis: Analysis) -> AlertFinding | None:
    if not analysis.missing:
        return None
    advice = "find out what fails without a word; nothing may be concluded until then"
    certainty = f"all such checks of one test together err once in {1 / missing.LEVEL:,.0f} tests"
    summary = "; ".join(analysis.missing)
    return AlertFinding(MISSING, subject(test), Severity.CRITICAL, summary, certainty, advice)


def _uneven(test: AbTest, analysis: Analysis) -> AlertFinding | None:
    ratio = analysis.sample_ratio
    if not ratio.is_mismatch:
        return None
    advice = "find out how units get lost; nothing may be concluded until then"
    certainty = f"p = {ratio.p_value:.2g}, {ratio.method}, alarm below {ratio.level:g}"
    finding = AlertFinding(
        SAMPLE_RATIO, subject(test), Severity.CRITICAL, ratio.reason, certainty, advice
    )
    return replace(finding, evidence=as_json(ratio))


def _is_broken(test: AbTest, metric: str, loss: str) -> bool:
    roles = {metric.name: metric.role for metric in test.design.metrics}
    return roles[metric] == "guardrail" and loss == "broken"
