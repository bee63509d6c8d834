"""Demo data of alerts: what the steps have raised, one of them in somebody's hands."""

from runlore.cli.demo.tour import ACTOR, DemoWorld

NOTE = "the release of the planted change; a retraining is under way"


def add_alerts(world: DemoWorld) -> str:
    """Acknowledge the drift of one spec; the others stay open."""
    from runlore.alerts.actions import handling
    from runlore.alerts.queries.alerts import AlertQuery

    store = world.app.store
    views = handling.overview(store, AlertQuery(), world.now).alerts
    drifts = [view.alert for view in views if view.alert.kind == "drift"]
    is_first = not any(alert.acknowledged_by for alert in drifts)
    if drifts and is_first:
        handling.acknowledge(store, drifts[0].id, ACTOR, NOTE, world.now)
    return f"alerts: {len(views)} open, {min(1, len(drifts))} acknowledged"
