"""What each persona's own posts say, summed up by persona in the database.

A post counts with its latest final measurement: taken `MATURITY_H` hours or more after publication,
or, without an age, known that late or in a log of final counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from zoneinfo import available_timezones

import numpy as np

from runlore.privacy.queries import Connection
from runlore.privacy.rules.summaries import PersonaSummaries

MATURITY_H = 168.0
MOST_BOT_SHARE = 0.5
SUBMITTED_EARLIER = timedelta(days=30)  # than published, at most
SETTINGS: LiteralString = "SET LOCAL jit = off; SET LOCAL work_mem = '64MB'"
# JSON numbers may be larger than any float8; they are cut as numeric before they become one.
MAKE_POSTS: LiteralString = """
CREATE TEMPORARY TABLE private_posts ON COMMIT DROP AS
WITH facts AS (
    SELECT source, source_id, submitted, revision, actor, inputs, outcome,
        coalesce(started, finished, submitted) AS published, known_at, finished,
        CASE WHEN jsonb_typeof(outcome -> 'age_h') = 'number'
            THEN (outcome ->> 'age_h')::numeric END AS age_h
    FROM runlore.executions_as_of(%(as_of)s)
    WHERE submitted > %(submitted_since)s AND submitted <= %(as_of)s
        AND jsonb_typeof(outcome -> 'engagement_rate') = 'number'
        AND status NOT IN ('submitted', 'running')
        AND (%(platform)s = '' OR scope = %(platform)s)
        AND (%(persona)s = '' OR actor = %(persona)s)
), final AS (
    SELECT DISTINCT ON (submitted, source_id, source) actor, published,
        coalesce(inputs ->> 'timezone', '') AS zone,
        least(greatest((outcome ->> 'engagement_rate')::numeric, 0),
            %(highest_rate)s::numeric)::float8 AS rate,
        CASE WHEN jsonb_typeof(inputs -> 'hashtags') = 'array' THEN inputs -> 'hashtags' END
            AS hashtags,
        jsonb_typeof(outcome -> 'bot_count') = 'number'
            AND (outcome ->> 'bot_count')::numeric > %(most_bot_share)s * (
                (outcome ->> 'bot_count')::numeric
                + CASE WHEN jsonb_typeof(outcome -> 'user_count') = 'number'
                    THEN (outcome ->> 'user_count')::numeric ELSE 0 END) AS is_bots
    FROM facts
    WHERE published > %(since)s AND published <= %(as_of)s AND CASE
        WHEN age_h IS NOT NULL THEN age_h >= %(maturity_h)s
        ELSE known_at = finished
            OR known_at - published >= make_interval(secs => 3600 * %(maturity_h)s)
    END
    ORDER BY submitted, source_id, source, revision DESC
)
SELECT actor, published, zone, rate, hashtags FROM final WHERE is_bots IS NOT TRUE
"""
PERSONAS: LiteralString = "SELECT actor FROM private_posts GROUP BY actor"
ZONES: LiteralString = "SELECT DISTINCT zone FROM private_posts WHERE zone NOT IN ('', 'UTC')"
KNOWN_ZONES: LiteralString = "SELECT name FROM pg_timezone_names WHERE name = ANY(%(zones)s)"
# The hour whose posts did best beside the persona's other posts; few posts count for little.
RATES: LiteralString = """
WITH hourly AS (
    SELECT actor, sum(rate) AS rates, count(*) AS posts, CASE
        WHEN zone IN ('', 'UTC') THEN date_part('hour', published AT TIME ZONE 'UTC')
        WHEN zone = ANY(%(zones)s) THEN date_part('hour', published AT TIME ZONE zone) END AS hour
    FROM private_posts GROUP BY actor, hour
), means AS (
    SELECT actor, sum(rates) / sum(posts) AS mean, count(hour) AS hours,
        sum(rates) FILTER (WHERE hour IS NOT NULL) / sum(posts) FILTER (WHERE hour IS NOT NULL)
            AS usual
    FROM hourly GROUP BY actor
)
SELECT DISTINCT ON (actor) actor, mean, CASE WHEN hours > 1 THEN hour::int ELSE -1 END
FROM hourly JOIN means USING (actor)
ORDER BY actor, (rates - posts * usual) / (posts + 3) DESC, hour
"""
HASHTAGS: LiteralString = """
WITH totals AS (
    SELECT actor, count(*) AS posts, sum(rate) AS rates FROM private_posts GROUP BY actor
), used AS (
    SELECT actor, tag, count(*) AS posts, sum(rate) AS rates
    FROM private_posts, LATERAL (
        SELECT DISTINCT ltrim(lower(word), '# ') AS tag
        FROM jsonb_array_elements_text(hashtags) AS word
    ) AS tagged
    WHERE length(tag) BETWEEN 1 AND 64
    GROUP BY actor, tag
), ranked AS (
    SELECT actor, tag, used.rates / used.posts
            - (totals.rates - used.rates) / (totals.posts - used.posts) AS lift,
        row_number() OVER (PARTITION BY actor ORDER BY used.posts DESC, tag) AS rank
    FROM used JOIN totals USING (actor)
    WHERE used.posts >= 2 AND totals.posts - used.posts >= 2
)
SELECT actor, tag, lift FROM ranked WHERE rank <= %(each)s ORDER BY actor, rank
"""


@dataclass(frozen=True)
class PostQuery:
    """platform, persona: empty is all. since: of publications. as_of: as known then."""

    since: datetime
    as_of: datetime
    platform: str = ""
    persona: str = ""


def make_posts(connection: Connection, query: PostQuery, highest_rate: float) -> list[str]:
    """Gather the posts until the transaction ends; return the personas that have any."""
    connection.execute(SETTINGS)
    values = vars(query) | {
        "submitted_since": query.since - SUBMITTED_EARLIER,
        "maturity_h": MATURITY_H,
        "highest_rate": highest_rate,
        "most_bot_share": MOST_BOT_SHARE,
    }
    connection.execute(MAKE_POSTS, values)
    return sorted(persona for (persona,) in connection.execute(PERSONAS))


def read_summaries(connection: Connection, personas: set[str], each: int) -> PersonaSummaries:
    """Of the gathered posts of these personas; each with at most `each` hashtags."""
    rows = connection.execute(RATES, {"zones": _zones(connection)}).fetchall()
    rated = [row for row in rows if row[0] in personas]
    index = {persona: at for at, (persona, _, _) in enumerate(rated)}
    tagged = [
        (index[persona], tag, lift)
        for persona, tag, lift in connection.execute(HASHTAGS, {"each": each})
        if persona in index
    ]
    columns: list[tuple[Any, ...]] = list(zip(*tagged, strict=True)) if tagged else [()] * 3
    return PersonaSummaries(
        rates=np.array([rate for _, rate, _ in rated], np.float64),
        best_hours=np.array([hour for _, _, hour in rated], np.int64),
        tag_personas=np.array(columns[0], np.int64),
        tags=tuple(columns[1]),
        tag_lifts=np.array(columns[2], np.float64),
    )


def _zones(connection: Connection) -> list[str]:
    """Those of the posts that are known both here and to PostgreSQL."""
    named = {zone for (zone,) in connection.execute(ZONES)} & available_timezones()
    if not named:
        return []
    return [zone for (zone,) in connection.execute(KNOWN_ZONES, {"zones": sorted(named)})]
