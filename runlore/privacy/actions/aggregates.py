"""Tell what holds across personas, at a charged loss, and where one of them stands."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from runlore.kernel.errors import BadInput, NotFound
from runlore.privacy.queries import Connection
from runlore.privacy.queries.answers import (
    AggregateQuestion,
    StoredAnswer,
    find_answer,
    insert_answer,
    is_platform,
)
from runlore.privacy.queries.budgets import (
    PrivacySpending,
    charge_everybody,
    charge_personas,
    insert_spend,
    wait_for_turn,
)
from runlore.privacy.queries.opt_outs import opted_out
from runlore.privacy.queries.posts import PostQuery, make_posts, read_summaries
from runlore.privacy.rules.accounting import granted
from runlore.privacy.rules.aggregates import (
    HOURS,
    AggregatePlan,
    AggregateRelease,
    plan_aggregate,
    read_release,
    release_aggregate,
)
from runlore.privacy.rules.benchmarks import OwnFigures, PersonaBenchmark, benchmark
from runlore.privacy.rules.figures import HourShare, read_figures
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.store.engine import Store

USUAL_DAYS, MOST_DAYS = 30, 365
LONGEST_NAME = 1024
MOST_OWN_HASHTAGS = 10_000


@dataclass(frozen=True)
class AggregateAnswer:
    """is_new: it was charged; else it was told before."""

    stored: StoredAnswer
    release: AggregateRelease
    is_new: bool

    @property
    def since(self) -> datetime:
        return self.stored.data_until - timedelta(days=self.stored.days)


@dataclass(frozen=True)
class BenchmarkAnswer:
    aggregate: AggregateAnswer
    persona: str
    own: OwnFigures
    result: PersonaBenchmark


def question_of(platform: str | None, days: int, as_of: datetime) -> AggregateQuestion:
    """One spelling of a question. platform: None or empty is all."""
    if not 1 <= days <= MOST_DAYS:
        raise BadInput(f"days: {days} is not from 1 to {MOST_DAYS}", "days")
    name = (platform or "").strip()
    if len(name) > LONGEST_NAME or "\x00" in name:
        raise BadInput("platform: use a shorter name without null characters", "platform")
    return AggregateQuestion(name, days, as_of)


def aggregate(
    store: Store, question: AggregateQuestion, policy: PrivacyPolicy, at: datetime
) -> AggregateAnswer:
    """Answer from what was told in the week before its `as_of`, or anew at the month's cost.

    What is asked anew is charged in the transaction that reads: no answer leaves without its
    charge. Personas that opted out, or have spent their own budget, are not in it.

    Raises:
        BadInput: its `as_of` is in the future.
        NotFound: no post of that platform was ever measured.
        BudgetSpent: the month's budget allows no further answer.
    """
    if question.as_of > at:
        raise BadInput("as_of: is in the future; leave it out for now", "as_of")
    with store.connect() as connection:
        found = find_answer(connection, question)
    if found is not None:
        return AggregateAnswer(found, read_release(found.release), is_new=False)
    plan = plan_aggregate(policy)
    with store.connect() as connection:
        return _answer_anew(connection, question, plan, at)


def told_hours(store: Store, platform: str | None, as_of: datetime) -> tuple[HourShare, ...]:
    """The best hours of personas, by an aggregate that was told in the last week; costs nothing.

    At most three, above the mean of all hours, the most frequent first. None was told: empty.
    """
    with store.connect() as connection:
        found = find_answer(connection, question_of(platform, USUAL_DAYS, as_of))
    if found is None or found.answered_at > as_of:
        return ()
    hours = read_figures(read_release(found.release)).hours
    frequent = [one for one in hours if one.share is not None and one.share > 1 / HOURS]
    return tuple(sorted(frequent, key=lambda one: -(one.share or 0))[:3])


def benchmark_persona(
    store: Store, persona: str, question: AggregateQuestion, policy: PrivacyPolicy, at: datetime
) -> BenchmarkAnswer:
    """Compare one persona's own posts with the aggregate of its platform and days.

    Raises:
        NotFound: the persona has no finally measured post there; and as `aggregate` does.
    """
    _require_name(persona)
    found = aggregate(store, question, policy, at)
    query = PostQuery(found.since, found.stored.data_until, question.platform, persona)
    with store.connect() as connection:
        posts = make_posts(connection, query, policy.highest_rate)
        summaries = read_summaries(connection, set(posts), MOST_OWN_HASHTAGS)
        count = connection.execute("SELECT count(*) FROM private_posts").fetchone()
    if not posts:
        raise NotFound(f"persona {persona[:80]!r} has no finally measured post in these days")
    own = OwnFigures(
        rate=float(np.mean(summaries.rates)),
        posts=int(count[0]) if count else 0,
        best_hour=int(summaries.best_hours[0]),
        hashtags=frozenset(summaries.tags),
    )
    return BenchmarkAnswer(found, persona, own, benchmark(found.release, own))


def _answer_anew(
    connection: Connection, question: AggregateQuestion, plan: AggregatePlan, at: datetime
) -> AggregateAnswer:
    allowed = granted(plan.policy)
    spending = PrivacySpending("aggregate", question.text, plan.loss, at)
    wait_for_turn(connection, spending.period, allowed)
    found = find_answer(connection, question)
    if found is not None:
        return AggregateAnswer(found, read_release(found.release), is_new=False)
    if question.platform and not is_platform(connection, question.platform, question.as_of):
        name = question.platform[:80]
        raise NotFound(f"platform {name!r}: no post there has an engagement rate yet")
    charge_everybody(connection, spending, allowed)
    query = PostQuery(
        question.as_of - timedelta(days=question.days), question.as_of, question.platform
    )
    personas = set(make_posts(connection, query, plan.policy.highest_rate))
    personas -= opted_out(connection)
    paying = charge_personas(connection, spending, sorted(personas), allowed)
    summaries = read_summaries(connection, paying, plan.policy.hashtags_each)
    release = release_aggregate(plan, summaries)
    spend_id = insert_spend(connection, spending)
    stored = insert_answer(connection, question, spend_id, at, release.to_document())
    return AggregateAnswer(stored, release, is_new=True)


def _require_name(persona: str) -> None:
    if not 0 < len(persona) <= LONGEST_NAME or "\x00" in persona:
        raise BadInput("persona: give a name of 1 to 1,024 characters", "persona")
