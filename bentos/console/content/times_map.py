"""A persona's best times as cells of an SVG."""

from collections.abc import Sequence

from bentos.console.actors.heat_map import CELL, LEFT, TOP, HourCell, WeekMap
from runlore.engagement.times_views import DAYS, TimesView

FAINT, FLOOR = 0.03, 0.06  # opacity of an hour without posts, and of the worst


def draw_times(view: TimesView) -> WeekMap:
    """Darker is better; of hours without posts nothing is drawn but their place."""
    gains, posts = _flat(view.week), _flat(view.week_posts)
    known = [gain for gain, count in zip(gains, posts, strict=True) if count]
    low, high = min(known, default=0.0), max(known, default=0.0)
    cells = []
    for at, (gain, count) in enumerate(zip(gains, posts, strict=True)):
        day, hour = divmod(at, 24)
        opacity = FAINT
        if count:
            opacity = round(FLOOR + (1 - FLOOR) * (gain - low) / ((high - low) or 1.0), 3)
        title = f"{DAYS[day]} {hour:02}:00: {gain:+.2f} points, {count:,} posts"
        cells.append(HourCell(LEFT + hour * CELL, TOP + day * CELL, opacity, title))
    return WeekMap(
        tuple(cells),
        tuple((name[:3], TOP + at * CELL + 16) for at, name in enumerate(DAYS)),
        tuple((f"{at:02}", LEFT + at * CELL) for at in range(0, 24, 3)),
        summary=f"From {low:+.2f} to {high:+.2f} points beside the average hour.",
    )


def _flat(week: Sequence[Sequence[float]]) -> list[float]:
    return [value for day in week for value in day]
