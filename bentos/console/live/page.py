"""The live page: how everything stands and what happened last; the script goes on from there."""

from collections.abc import Sequence

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.live.actions.reading import read_new, start_of_newest
from runlore.live.actions.snapshot import LiveSnapshot, read_snapshot
from runlore.live.rules.stream import Cursor, LiveEvent, Subscription, parse_topics
from runlore.store.engine import Store
from runlore.store.live_outbox import Topic

PATH = "/console/live"
SEARCHED, MOST_EVENTS, MOST_POINTS = 600, 40, 300  # of the newest events; shown; drawn
TITLES = {
    Topic.SCORES: "Scores",
    Topic.ANOMALIES: "Anomalies",
    Topic.ALERTS: "Alerts",
    Topic.ROLLOUTS: "Rollouts",
    Topic.INGESTS: "Ingests",
    Topic.TRAININGS: "Trainings",
}


def show_live(request: PageRequest) -> Shown:
    subscription = parse_topics(request.query.get("topics", "").split(","))
    snapshot = read_snapshot(request.store, request.at)
    newest, cursor = _newest(request.store)
    shown = [
        event
        for event in newest
        if event.topic != Topic.PREDICTIONS and subscription.takes(event.topic)
    ]
    values = {
        "snapshot": snapshot,
        "open_alerts": sum(snapshot.open_alerts.values()),
        "cursor": cursor,
        "events": shown[::-1][:MOST_EVENTS],
        "most_events": MOST_EVENTS,
        "course": _course(newest, snapshot),
        "topics": {topic.value: title for topic, title in TITLES.items()},
        "chosen": next(iter(subscription.topics), "") if len(subscription.topics) == 1 else "",
    }
    return Shown("live/live.html", values)


def _newest(store: Store) -> tuple[Sequence[LiveEvent], Cursor]:
    page = read_new(store, start_of_newest(store, SEARCHED), Subscription(), SEARCHED)
    return page.events, page.cursor


def _course(events: Sequence[LiveEvent], snapshot: LiveSnapshot) -> Chart:
    """Predictions a second, as events had them, and now."""
    points = [event for event in events if event.topic == Topic.PREDICTIONS][-MOST_POINTS:]
    x = [*(event.at for event in points), snapshot.at]
    y = [*(float(event.data["answered_per_s"]) for event in points), snapshot.answered_per_s]
    series = ChartSeries("predictions", x, y, style="steps")
    caption = "Of all workers, over two seconds each. It is drawn further while this page is open."
    return Chart("Predictions a second", "time", "predictions a second", (series,), caption)


PAGE = ConsolePage("Live", 15, PATH, (PageRoute("GET", PATH, show_live),))
