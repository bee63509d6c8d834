"""Visits as events of a calendar."""

from collections.abc import Iterator

from runlore.advice.maintenance_views import MaintenanceView
from runlore.kernel.icalendar import CalendarEvent, write_icalendar
from runlore.kernel.readable import readable_number, readable_share


def to_icalendar(view: MaintenanceView) -> str:
    """One event for each visit; none: an empty calendar."""
    return write_icalendar("Maintenance", view.as_of, _events(view))


def _events(view: MaintenanceView) -> Iterator[CalendarEvent]:
    for row in view.scopes:
        if row.visit_at is None or row.visit_until is None:
            continue
        words = [row.reason]
        if row.risk_horizon is not None:
            risk = readable_share(row.risk_horizon)
            words.append(f"fails within {view.horizon_days:g} days without it: {risk}")
        if row.saving is not None:
            words.append(f"expected saving: {readable_number(row.saving)}")
        if row.limit is not None:
            words.append(row.limit)
        yield CalendarEvent(
            row.scope,
            row.visit_at,
            row.visit_until,
            f"Maintenance of {row.scope}",
            row.scope,
            "\n".join(words),
        )
