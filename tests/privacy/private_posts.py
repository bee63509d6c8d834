"""Posts of many personas, written by the database itself."""

from datetime import UTC, datetime, timedelta

from runlore.privacy.queries.answers import AggregateQuestion, insert_answer
from runlore.privacy.queries.budgets import PrivacySpending, charge_everybody, insert_spend
from runlore.privacy.rules.accounting import granted
from runlore.privacy.rules.aggregates import AggregateRelease, plan_aggregate
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.store import partitions
from runlore.store.engine import Store

END = datetime(2026, 11, 2, tzinfo=UTC)
WRITE = """
INSERT INTO runlore.executions (source, source_id, submitted, revision, actor, kind, scope, inputs,
    started, finished, status, outcome, submission_known_at, known_at, digest)
SELECT 'posts', name, at, 0, 'persona-' || persona, 'image', %(platform)s,
    jsonb_build_object('hashtags', CASE WHEN post %% 2 = 0 THEN '["#Launch"]'::jsonb
        ELSE jsonb_build_array('rare' || persona) END, 'timezone', %(zone)s::text),
    at, at, 'succeeded', jsonb_build_object('engagement_rate', 2 + persona %% 3
        + CASE WHEN post %% 2 = 0 THEN 1 ELSE 0 END), at, at, persona * 1000 + post
FROM (
    SELECT persona, post, persona || '-' || post || '-' || %(platform)s AS name,
        %(end)s - make_interval(days => post + 1)
            - make_interval(hours => CASE WHEN post %% 2 = 0 THEN 6 ELSE 12 END) AS at
    FROM generate_series(1, %(personas)s) AS persona, generate_series(0, %(posts)s - 1) AS post
) AS made
"""


def write_posts(
    store: Store,
    personas: int,
    posts: int = 4,
    *,
    platform: str = "instagram",
    zone: str = "UTC",
    end: datetime = END,
) -> None:
    """Rates are 2, 3 or 4 % by persona; one more with #launch, which is posted at 18:00 UTC."""
    values = {"personas": personas, "posts": posts, "platform": platform, "end": end, "zone": zone}
    with store.connect() as connection:
        first = end - timedelta(days=posts + 1)
        partitions.ensure_months(connection, "executions", first, end)
        connection.execute(WRITE, values)


def tell_aggregate(store: Store, now: datetime) -> None:
    """Two personas' posts, and an answer about 4,000 that was told an hour ago, with its noise."""
    until = now - timedelta(hours=1)
    write_posts(store, 2, end=until.replace(hour=3))  # their best hour is 21, at any time of day
    policy = PrivacyPolicy()
    plan = plan_aggregate(policy)
    spending = PrivacySpending("aggregate", "platform='' days=30", plan.loss, now)
    release = AggregateRelease(
        personas=4_020,
        rate_sum=-26_330_000,
        spread_sum=-1_690_000,
        rates=(-9, 33, 122, 400, 513, 604, 771, 412, 350, 521, 204, 90, 40, 13, 8, -2),
        hours=(*[2, -7, 11, 4] * 4, 1, 9, 1_903, 1_301, 303, 8, 2, 0),
        hashtags={"launch": 3_102},
        lifts={"launch": 2_603_000},
        scales={name: one.scale for name, one in vars(plan.mechanisms).items()},
        threshold=plan.mechanisms.hashtags.threshold,
        highest_rate=policy.highest_rate,
    )
    with store.connect() as connection:
        charge_everybody(connection, spending, granted(policy))
        spend_id = insert_spend(connection, spending)
        question = AggregateQuestion("", 30, until)
        insert_answer(connection, question, spend_id, until, release.to_document())
