"""Waits under scheduling policies, week by week."""

from typing import TYPE_CHECKING

import numpy as np

from runlore.kernel.instants import to_us
from runlore.planning.actions.scheduling_replay import SchedulingReplay
from runlore.planning.replay_views import conclude_replay
from runlore.planning.rules.backfilling.comparison import BASELINE
from runlore.planning.rules.backfilling.waiting import WEEK_S, weeks_of
from runlore.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
HOUR_S = 3600.0
LAST_TWO = "EASY last two"


def draw_replay(made: SchedulingReplay) -> "Figure":
    """Mean wait by week of submission, hours: EASY, EASY with the last two, the chosen policy."""
    finding = conclude_replay(made)
    figure, (axes,) = style.figure(
        f"Waits on {made.request.slots:g} slots by policy",
        f"{finding[:1].upper()}{finding[1:]}. Mean wait of the jobs submitted in a week; right of"
        " the line, the policy had not been chosen on them.",
        height_in=3.8,
    )
    jobs = made.comparison.jobs
    week = weeks_of(jobs.submitted_s)
    counts = np.bincount(week)
    starts = to_us(made.first_at) + (np.arange(len(counts)) * WEEK_S * 1e6).astype(np.int64)
    colours = {BASELINE: style.GREY, LAST_TWO: style.VERMILION, made.comparison.best: style.GREEN}
    for name, colour in colours.items():
        waits = made.comparison.results[name].schedule.started_s - jobs.submitted_s
        hours = np.bincount(week, waits) / np.where(counts > 0, counts, np.nan) / HOUR_S
        axes.plot(starts.astype("datetime64[us]"), hours, color=colour, linewidth=1.6, label=name)
    later = np.datetime64(to_us(made.later_from), "us")
    axes.plot([later, later], [0, 1], "--", color=style.INK, transform=axes.get_xaxis_transform())
    axes.set_ylim(bottom=0)
    axes.set_xlabel("week of submission (UTC)")
    axes.set_ylabel("mean wait, hours")
    style.date_axis(axes)
    style.legend(axes, columns=3)
    return figure
