"""Demo data of reports: the last week of the log."""

from datetime import timedelta

from runlore.cli.demo.tour import ACTOR, DemoWorld

DAY = timedelta(days=1)


def add_reports(world: DemoWorld) -> str:
    """Make the report of the log's last week, unless it is there."""
    from runlore.reports.actions import making, wishes

    store, first = world.app.store, (world.end - 7 * DAY).date()
    stored = making.list_reports(store, making.MOST_LISTED)
    known = next((one for one in stored if one.made_by == ACTOR and one.first_day == first), None)
    if known is None:
        days = {"from": f"{first}", "to": f"{(world.end - DAY).date()}"}
        request = wishes.read_request(days, world.app.settings, world.now)
        known = making.make_report(store, world.app.specs, request, ACTOR)
    return f"report {known.id}: {known.first_day} to {known.after_day - DAY}"
