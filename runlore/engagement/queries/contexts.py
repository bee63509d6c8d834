"""Posts with their engagement, as known at an instant."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
import pandas as pd

from runlore.engagement.rules.contexts import (
    MEASURED,
    NUMBERS,
    TRUTHS,
    WORDS,
    ContextPolicy,
    clean_contexts,
)
from runlore.kernel.errors import BadInput, NotFound
from runlore.store.engine import Store

# Compiling for all partitions would take seconds, running takes less.
WITHOUT_JIT: LiteralString = "SET LOCAL jit = off"
INPUTS: LiteralString = """
    first.inputs ->> 'complexity', first.inputs ->> 'state', first.inputs ->> 'confidence',
    first.inputs ->> 'timezone',
    first.inputs ->> 'has_media', first.inputs ->> 'has_call_to_action',
    first.inputs ->> 'is_assigned', first.inputs ->> 'has_validation',
    CASE WHEN jsonb_typeof(first.inputs -> 'content_length') = 'number'
        THEN (first.inputs ->> 'content_length')::float8 END,
    CASE WHEN jsonb_typeof(first.inputs -> 'hashtag_count') = 'number'
        THEN (first.inputs ->> 'hashtag_count')::float8 END,
    CASE WHEN jsonb_typeof(first.inputs -> 'prompt_length') = 'number'
        THEN (first.inputs ->> 'prompt_length')::float8 END,
    CASE WHEN jsonb_typeof(first.inputs -> 'follower_count') = 'number'
        THEN (first.inputs ->> 'follower_count')::float8 END,
    CASE jsonb_typeof(first.inputs -> 'hashtags')
        WHEN 'string' THEN array_remove(
            regexp_split_to_array(lower(first.inputs ->> 'hashtags'), '[\\s,;#]+'), '')
        WHEN 'array' THEN ARRAY(
            SELECT DISTINCT ltrim(lower(tag.value), '# ')
            FROM jsonb_array_elements_text(first.inputs -> 'hashtags') AS tag) END
"""
OUTCOME: LiteralString = """
    CASE WHEN jsonb_typeof(outcome -> 'engagement_rate') = 'number'
        THEN (outcome ->> 'engagement_rate')::float8 END AS engagement_rate,
    CASE WHEN jsonb_typeof(outcome -> 'impressions') = 'number'
        THEN (outcome ->> 'impressions')::float8 END AS impressions,
    CASE WHEN jsonb_typeof(outcome -> 'engagements') = 'number'
        THEN (outcome ->> 'engagements')::float8 END AS engagements,
    CASE WHEN jsonb_typeof(outcome -> 'user_count') = 'number'
        THEN (outcome ->> 'user_count')::float8 END AS user_count,
    CASE WHEN jsonb_typeof(outcome -> 'bot_count') = 'number'
        THEN (outcome ->> 'bot_count')::float8 END AS bot_count,
    CASE WHEN jsonb_typeof(outcome -> 'age_h') = 'number'
        THEN (outcome ->> 'age_h')::float8 END AS age_h
"""
# A fact's rank among those that count: a final one before all others, then the latest.
MEASUREMENTS: LiteralString = f"""
WITH known AS MATERIALIZED (
    SELECT * FROM runlore.executions_as_of(%(as_of)s)
    WHERE submitted > %(since)s AND submitted <= %(as_of)s
        AND (%(personas)s::text[] IS NULL OR actor = ANY(%(personas)s))
        AND (%(platform)s::text IS NULL OR scope = %(platform)s)
        AND (%(context_id)s::text IS NULL OR source_id = %(context_id)s)
        AND (%(source)s::text IS NULL OR source = %(source)s)
), facts AS (
    SELECT *, {OUTCOME}, coalesce(started, finished, submitted) AS published FROM known
), judged AS (
    SELECT *, coalesce(engagement_rate IS NOT NULL
        AND status NOT IN ('submitted', 'running') AND CASE
            WHEN age_h IS NOT NULL THEN age_h >= %(maturity_h)s
            ELSE known_at = finished
                OR known_at - published >= make_interval(secs => 3600 * %(maturity_h)s)
        END, false) AS is_final
    FROM facts
), latest AS (
    SELECT DISTINCT ON (source, source_id, submitted) * FROM judged
    WHERE is_final OR NOT %(only_final)s
    ORDER BY source, source_id, submitted, is_final DESC, revision DESC
), first AS (
    SELECT DISTINCT ON (source, source_id, submitted) source, source_id, submitted, inputs
    FROM known ORDER BY source, source_id, submitted, revision
)
SELECT source, source_id, actor, kind, scope, published, known_at, status, is_final,
    engagement_rate, impressions, engagements, user_count, bot_count, age_h, {INPUTS}
FROM latest JOIN first USING (source, source_id, submitted)
ORDER BY published, source, source_id
"""  # noqa: S608  (clauses of ours)
NAMES = ("source", "context_id", "persona", "content_type", "platform")
COLUMNS = (
    *NAMES,
    *("published", "known_at", "status", "is_final"),
    *MEASURED,
    *WORDS[:3],
    "timezone",
    *TRUTHS,
    *NUMBERS,
    "hashtags",
)
NUMERIC = (*MEASURED, *NUMBERS)
BEGINNING = datetime.fromisoformat("1900-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class ContextQuery:
    """Which posts to read.

    as_of: what was known then. since: submitted after it. personas, platform: None is all.
    """

    as_of: datetime
    since: datetime = BEGINNING
    personas: tuple[str, ...] | None = None
    platform: str | None = None
    policy: ContextPolicy = field(default_factory=ContextPolicy)


def read_final_contexts(store: Store, query: ContextQuery) -> pd.DataFrame:
    """Posts with a final engagement, by publication; of each the latest final measurement.

    A row per post with `COLUMNS` and those that `clean_contexts` adds. Inputs are those of the
    first record. Posts with more bots than the policy allows are left out.
    """
    frame = _read(store, query, {"only_final": True, "context_id": None, "source": None})
    share = frame["bot_share"].to_numpy(dtype=np.float64)
    trusted = np.isnan(share) | (share <= query.policy.most_bot_share)
    kept: pd.DataFrame = frame[trusted].reset_index(drop=True)
    return kept


def read_context(
    store: Store, context_id: str, query: ContextQuery, source: str | None = None
) -> pd.DataFrame:
    """One row: a post or a draft, final or not, with its final or else its latest measurement.

    context_id: the id in its source, or `source/id`.

    Raises:
        NotFound: nothing of that name was known.
        BadInput: sources share the id.
    """
    exact = {"only_final": False, "context_id": context_id, "source": source}
    frame = _read(store, query, exact)
    if frame.empty and source is None and "/" in context_id:
        source, _, rest = context_id.partition("/")
        frame = _read(store, query, exact | {"context_id": rest, "source": source})
    if frame.empty:
        raise NotFound(f"no context {context_id!r} was known at {query.as_of.isoformat()}")
    sources = sorted(frame["source"].unique())
    if len(sources) > 1:
        raise BadInput(
            f"source: context {context_id!r} is in {', '.join(sources)}; name one of them", "source"
        )
    return frame.iloc[[-1]].reset_index(drop=True)


def _read(store: Store, query: ContextQuery, chosen: dict[str, Any]) -> pd.DataFrame:
    values = {
        "as_of": query.as_of,
        "since": query.since,
        "personas": None if query.personas is None else list(query.personas),
        "platform": query.platform,
        "maturity_h": query.policy.maturity_h,
    }
    with store.connect() as connection, connection.transaction():
        connection.execute(WITHOUT_JIT)
        rows = connection.execute(MEASUREMENTS, values | chosen).fetchall()
    frame = pd.DataFrame.from_records(rows, columns=list(COLUMNS))
    frame[list(NUMERIC)] = frame[list(NUMERIC)].astype(np.float64)
    for name in ("published", "known_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.as_unit("us")
    return clean_contexts(frame)
