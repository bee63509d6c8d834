"""Aggregates over personas: charged once, never beyond the budget, and without who opted out."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.engagement.actions.publishing_times import TimesRequest, publishing_times
from runlore.engagement.queries.contexts import ContextQuery, read_final_contexts
from runlore.engagement.times_views import show_times
from runlore.kernel.errors import BadInput, NotFound
from runlore.privacy.actions.aggregates import aggregate, benchmark_persona, question_of
from runlore.privacy.actions.budgets import read_report
from runlore.privacy.actions.opt_outs import set_opt_out
from runlore.privacy.aggregate_views import show_aggregate
from runlore.privacy.queries.budgets import BudgetSpent, PrivacySpending, charge_personas
from runlore.privacy.queries.opt_outs import OptOut
from runlore.privacy.queries.posts import PostQuery, make_posts, read_summaries
from runlore.privacy.rules.accounting import PrivacyLoss
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.settings import Settings
from runlore.simulate.content import ContentScenario
from runlore.store.engine import Store, open_store
from tests.bentos.conftest import Serve, serve
from tests.engagement.posts import write_posts as simulate_posts
from tests.privacy.private_posts import END, write_posts
from tests.privacy.spending_restarts import read_ledger, spend_while_restarting

__all__ = ["serve"]
CLEAR = PrivacyPolicy(epsilon=10, aggregates=2)
WEEK = timedelta(days=7)


def test_an_answer_is_near_the_truth_charged_once_and_kept(store: Store) -> None:
    write_posts(store, 300)
    question = question_of("instagram", 30, END)
    times = TimesRequest("persona-3", "instagram")
    assert publishing_times(store, times, END).platform_hours == ()
    first = aggregate(store, question, CLEAR, END)
    borrowed = show_times(publishing_times(store, times, END))
    assert borrowed.reason
    assert borrowed.platform_hours[0].hour == 18
    view = show_aggregate(first)
    assert view.personas is not None
    assert view.personas.value == pytest.approx(300, abs=60)
    assert view.mean_rate is not None
    assert view.mean_rate.value == pytest.approx(3.5, abs=0.4)
    assert max((one.share or 0, one.hour) for one in view.hours)[1] == 18
    [tag] = view.hashtags
    assert tag.hashtag == "launch"
    assert tag.lift.value == pytest.approx(1, abs=0.5)
    again = aggregate(store, question_of(" instagram ", 30, END + WEEK / 2), CLEAR, END + WEEK)
    assert (again.is_new, again.release) == (False, first.release)
    report = read_report(store, CLEAR, END)
    assert (report.aggregates_left, len(report.spends)) == (1, 1)
    assert read_report(store, CLEAR, END, "persona-7").current.rho_spent == first_loss(store)
    benchmark = benchmark_persona(store, "persona-3", question, CLEAR, END)
    assert benchmark.own.rate == 2.5
    assert benchmark.result.percentile is not None
    assert benchmark.result.percentile.value < 40
    assert not benchmark.aggregate.is_new
    with pytest.raises(NotFound, match="'nobody'"):
        benchmark_persona(store, "nobody", question, CLEAR, END)


def first_loss(store: Store) -> int:
    with store.connect() as connection:
        row = connection.execute("SELECT rho FROM runlore.privacy_spends ORDER BY id").fetchone()
    return row[0] if row else 0


def test_many_at_once_spend_no_more_than_the_budget(store: Store) -> None:
    write_posts(store, 20)
    policy = PrivacyPolicy(aggregates=3)

    def ask(days: int) -> bool:
        try:
            return aggregate(store, question_of("", days, END), policy, END).is_new
        except BudgetSpent:
            return False

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(ask, [*range(1, 25), 1, 2, 3])) == 3
    with store.connect() as connection:
        rows = connection.execute("SELECT rho_spent, rho_granted FROM runlore.privacy_budgets")
        spent = rows.fetchall()
        [(count,)] = connection.execute("SELECT count(*) FROM runlore.privacy_answers").fetchall()
    assert len(spent) == 21
    assert all(0 < one <= allowed for one, allowed in spent)
    assert count == 3
    with pytest.raises(BudgetSpent, match="2026-12-01"):
        aggregate(store, question_of("", 99, END), policy, END)
    in_december = datetime(2026, 12, 1, tzinfo=UTC)
    assert aggregate(store, question_of("", 99, END), policy, in_december).is_new
    with pytest.raises(IntegrityError, match="rho_within_budget"), store.begin() as connection:
        connection.execute(text("UPDATE runlore.privacy_budgets SET rho_spent = rho_granted + 1"))


@pytest.mark.slow
def test_a_restart_of_the_database_overspends_nothing(settings: Settings) -> None:
    policy = PrivacyPolicy(aggregates=30)
    with open_store(settings) as store:
        write_posts(store, 5)
        got = spend_while_restarting(store, settings.home, policy, 0, 0.3)
        ledger = read_ledger(store)
    assert got["new"] + got["told before"] + got["spent"] == 100
    assert got["new"] <= ledger.answers == policy.aggregates
    assert (ledger.overspent, ledger.disagreeing, ledger.months) == (0, 0, 1)


def test_a_persona_that_cannot_pay_or_opted_out_is_left_out(store: Store) -> None:
    write_posts(store, 40)
    policy = PrivacyPolicy(epsilon=10, aggregates=1)
    poor = {f"persona-{number}" for number in range(1, 31)}
    allowed = read_report(store, policy, END).current
    granted = PrivacyLoss(allowed.rho_granted, allowed.delta_granted)
    spending = PrivacySpending("federated", "round 1", PrivacyLoss(granted.rho // 2), END)
    with store.connect() as connection:
        assert charge_personas(connection, spending, sorted(poor), granted) == poor
    set_opt_out(store, OptOut(END, "persona-40", True, "cli", ""))
    told = aggregate(store, question_of("", 30, END), policy, END)
    assert told.release.personas < 30  # 9, and noise whose scale is below 2
    with store.connect() as connection:
        rows = connection.execute(
            "SELECT persona FROM runlore.privacy_budgets WHERE rho_spent > %s AND persona <> ''",
            (granted.rho // 2,),
        ).fetchall()
    assert {row[0] for row in rows} == {f"persona-{number}" for number in range(31, 40)}


def test_posts_are_those_of_contexts(store: Store) -> None:
    simulate_posts(store, ContentScenario(personas=6, days=60, posts_per_day=1.5))
    with store.connect() as connection:
        [(end,)] = connection.execute("SELECT max(known_at) FROM runlore.executions").fetchall()
    for as_of in (end, end - timedelta(days=10)):
        since = as_of - timedelta(days=30)
        frame = read_final_contexts(store, ContextQuery(as_of))
        frame = frame[(frame["published"] > since) & (frame["published"] <= as_of)]
        expected = frame["engagement_rate"].clip(0, 20).groupby(frame["persona"]).mean()
        with store.connect() as connection:
            personas = make_posts(connection, PostQuery(since, as_of), 20.0)
            read = read_summaries(connection, set(personas), 3)
        assert personas == sorted(expected.index)
        np.testing.assert_allclose(read.rates, expected[personas])
        clear = frame.assign(gain=frame["engagement_rate"].clip(0, 20))
        usual = clear.groupby("persona")["gain"].transform("mean")
        by_hour = (clear["gain"] - usual).groupby([clear["persona"], clear["hour"]])
        gains = by_hour.sum() / (by_hour.count() + 3)
        assert read.best_hours.tolist() == [int(gains[one].idxmax()) for one in personas]


def test_questions_that_cannot_be_are_refused_at_no_cost(store: Store) -> None:
    write_posts(store, 20)
    with pytest.raises(BadInput, match="days"):
        question_of("", 0, END)
    with pytest.raises(BadInput, match="future"):
        aggregate(store, question_of("", 30, END + WEEK), CLEAR, END)
    with pytest.raises(NotFound, match="'instagran'"):
        aggregate(store, question_of("instagran", 30, END), CLEAR, END)
    assert read_report(store, CLEAR, END).current.rho_spent == 0


def test_command_http_and_dialect_say_the_same(
    store: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    write_posts(store, 300, zone="Europe/Berlin")
    at = ["--as-of", END.isoformat(), "--json"]
    done = CliRunner().invoke(app, ["privacy", "aggregate", *at])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["is_new"], told["is_suppressed"]) == (True, False)
    done = CliRunner().invoke(app, ["privacy", "benchmark", "persona-3", *at])
    assert done.exit_code == 0, done.output
    own = json.loads(done.stdout)
    done = CliRunner().invoke(app, ["privacy", "report"])
    assert "New aggregates left: 3." in done.stdout
    client = serve(Serving((), store=store, live={}))
    _check_http(client, told, own)


def _check_http(client: httpx.Client, told: dict, own: dict) -> None:
    asked = {"as_of": END.isoformat()}
    answer = client.get("/privacy/aggregates", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["mean_rate"] == told["mean_rate"]
    prefix = "/api/v1/ml-learning/cross-persona"
    spec = client.get(f"{prefix}/aggregate", params=asked).json()
    assert spec["engagement"]["avg_engagement_rate"] == told["mean_rate"]["value"]
    assert spec["is_cached"]
    spec = client.get(f"{prefix}/benchmark/persona-3", params=asked).json()
    assert (spec["percentile"], spec["persona_engagement_rate"]) == (
        own["percentile"] and own["percentile"]["value"],
        2.5,
    )
    spec = client.get(f"{prefix}/privacy-report").json()
    assert (spec["epsilon"], spec["aggregates_remaining"]) == (1.0, 3)
    for query, status in ({"days": "x"}, 422), ({"platform": "nowhere"}, 404):
        refused = client.get("/privacy/aggregates", params=asked | query)
        assert refused.status_code == status, refused.text
    assert "days" in client.get("/privacy/aggregates?days=x").json()["detail"]
    for days in (1, 2, 3):
        assert client.get("/privacy/aggregates", params=asked | {"days": days}).status_code == 200
    refused = client.get("/privacy/aggregates", params=asked | {"days": 4})
    assert (refused.status_code, "budget" in refused.json()["detail"]) == (409, True)
