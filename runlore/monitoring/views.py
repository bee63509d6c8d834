"""What `runlore monitor` says first: has the world moved, and what to do about it."""

from runlore.kernel.conclusion import NOTHING_TO_DO, Conclusion, listed
from runlore.monitoring.actions.monitoring import MonitorOutcome


def conclude(outcome: MonitorOutcome) -> Conclusion:
    """The verdict on the newest window and on the row of windows that it ends."""
    verdict, decision, spec = outcome.verdict, outcome.decision, outcome.window.spec
    if verdict.answer == "not enough data":
        advice = f"Ingest more executions, or widen the window: `runlore monitor {spec}"
        return Conclusion(f"Cannot tell: {verdict.reasons[0]}.", f"{advice} --window-days N`.")
    if verdict.answer == "no drift":
        return Conclusion("No drift.", NOTHING_TO_DO)
    moved = listed(tuple(column.name for column in verdict.drifted))
    headline = f"Drift: {moved or 'the data'} moved."
    if decision.action == "retrain":
        alarm = f"Drift alarm: {moved} moved; {decision.reasons[0]}."
        return Conclusion(
            alarm, f"Train again: `runlore train {spec}` (the schedules of `runlore up` do so)."
        )
    if decision.is_alarm:
        return Conclusion(headline, f"Wait before training again: {decision.reasons[0]}.")
    return Conclusion(headline, f"Wait for the next window: {decision.reasons[0]}.")
