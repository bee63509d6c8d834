"""Past posts scored as they would have been at their publication, and how they ended."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.engagement.rules.scores.comparable import PostValues, even_places
from runlore.kernel.durations import DAY_S

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.object_]
DAY_US = int(DAY_S * 1_000_000)


@dataclass(frozen=True)
class ScorePolicy:
    """forecast_days: posts as old as that are those whose forecasts a forecast is ranked among.
    outcome_days: posts published so long before and after are those whose engagement counts beside.
    least_posts: older ones count where there are fewer. pooling: see `pooled_percentiles`.
    least_tested: past posts that a promise needs. newest: so many past posts count at most.
    """

    forecast_days: float = 7.0
    outcome_days: float = 30.0
    least_posts: int = 200
    pooling: float = 20.0
    least_tested: int = 50
    newest: int = 10_000


@dataclass(frozen=True, eq=False)
class PostHistory:
    """Past posts, by publication. Arrays are (n,).

    forecasts: made without knowing their outcomes; NaN: none. actual: final engagement; NaN: not
    known yet.
    """

    published_us: Ints
    personas: Words
    platforms: Words
    forecasts: Floats
    actual: Floats

    def __len__(self) -> int:
        return len(self.published_us)

    def of_forecasts(self) -> PostValues:
        return PostValues(self.forecasts, self.personas, self.platforms)

    def of_actual(self) -> PostValues:
        return PostValues(self.actual, self.personas, self.platforms)


def recent_forecasts(history: PostHistory, at_us: int, policy: ScorePolicy) -> PostValues:
    """The forecasts of posts that were published before an instant, recently."""
    rows = np.flatnonzero(np.isfinite(history.forecasts))
    end = int(np.searchsorted(history.published_us[rows], at_us, "left"))
    oldest = at_us - int(policy.forecast_days * DAY_US)
    first = int(np.searchsorted(history.published_us[rows], oldest, "left"))
    return history.of_forecasts().part(rows[max(0, min(first, end - policy.least_posts)) : end])


def comparable_outcomes(history: PostHistory, at_us: int, policy: ScorePolicy) -> PostValues:
    """The final engagements of posts published around an instant."""
    rows = np.flatnonzero(np.isfinite(history.actual))
    reach = int(policy.outcome_days * DAY_US)
    at = history.published_us[rows]
    first, end = np.searchsorted(at, [at_us - reach, at_us + reach])
    first = max(0, min(int(first), int(end) - policy.least_posts))
    return history.of_actual().part(rows[first : int(end)])


def past_scores(history: PostHistory, policy: ScorePolicy) -> Floats:
    """(n,): 0..100, each among the forecasts of the posts before its day; NaN: too few of them."""
    scores = np.full(len(history), np.nan)
    for rows in _days(history, np.isfinite(history.forecasts)):
        day_us = int(history.published_us[rows[0]] // DAY_US * DAY_US)
        posts = recent_forecasts(history, day_us, policy)
        if len(posts) >= policy.least_tested:
            asked = history.of_forecasts().part(rows)
            scores[rows] = 100 * even_places(posts, asked, policy.pooling)
    return scores


def final_places(history: PostHistory, policy: ScorePolicy) -> Floats:
    """(n,): 0..1, at which final engagements stand among comparable posts; NaN: not final yet."""
    places = np.full(len(history), np.nan)
    for rows in _days(history, np.isfinite(history.actual)):
        day_us = int(history.published_us[rows[0]] // DAY_US * DAY_US)
        posts = comparable_outcomes(history, day_us, policy)
        asked = history.of_actual().part(rows)
        places[rows] = even_places(posts, asked, policy.pooling)
    return places


def _days(history: PostHistory, mask: NDArray[np.bool_]) -> list[Ints]:
    """The rows of each day of publication (UTC)."""
    rows = np.flatnonzero(mask)
    days = history.published_us[rows] // DAY_US
    return [part for part in np.split(rows, np.flatnonzero(np.diff(days)) + 1) if part.size]
