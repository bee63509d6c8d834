"""Attack the noise of private answers, and try to overspend their budget.

    python bench/privacy_audit.py [noise|month|budget|kills|restarts|speed] [--runs N]
        [--queries N] [--personas N] [--restarts N]

noise: each mechanism runs N times with a planted persona whose data are the worst case, and N times
without. The attack's lower bound of epsilon (95 %) is shown beside what is claimed, for the default
budget, and for a budget at which one mechanism alone may lose epsilon 1. "weak" has a tenth of the
noise: the audit must find it. month: the same of all figures together, for one aggregate of four
and for the loss of a whole month, with the worst and a usual persona. budget: 100 requests at once
from 4 processes. kills: 20 processes that are killed while they ask. restarts: 100 requests, 20 at
once, while PostgreSQL is stopped and started; N times. speed: N new queries, and one aggregate over
many personas.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from runlore.privacy.actions.aggregates import aggregate, question_of
from runlore.privacy.queries.budgets import BudgetSpent
from runlore.privacy.rules.accounting import RHO_UNIT, epsilon_of, granted
from runlore.privacy.rules.aggregates import AggregateRelease, plan_aggregate, release_aggregate
from runlore.privacy.rules.auditing import audit_epsilon
from runlore.privacy.rules.mechanisms import (
    Mechanism,
    clamped_sum,
    key_counts,
    key_sums,
    vote_counts,
)
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.privacy.rules.summaries import PersonaSummaries
from runlore.settings import Settings
from runlore.store import embedded
from runlore.store.engine import Store, open_store
from tests.privacy.private_posts import END, write_posts
from tests.privacy.spending_restarts import read_ledger, spend_while_restarting

OTHERS = 600
PARTS = ("noise", "month", "budget", "kills", "restarts", "speed")
POLICY = PrivacyPolicy()
TIGHT = PrivacyPolicy(aggregates=6)
# What one persona at its worst changes, and how an attacker scores the answer.
Attack = tuple[Mechanism, object, object, Callable[[object], float]]


def attacks(rho: float, delta: float, weaker: float = 1.0) -> dict[str, Attack]:
    """weaker: the loss that the noise really has, as a multiple of rho."""
    one = rho * weaker
    votes, keys = [0] * OTHERS, key_counts(3, one, delta, 3)
    near = dict.fromkeys("abc", keys.threshold)
    return {
        "count": (vote_counts(1, one), [*votes, 0], votes, lambda told: told[0]),
        "histogram": (vote_counts(24, one), [*votes, 7], votes, lambda told: told[7]),
        "sum": (clamped_sum(10_000, one), [10_000], [0], float),
        "hashtags": (
            keys,
            {name: count + 1 for name, count in near.items()},
            near,
            lambda told: float(sum(told.values())),
        ),
        "lifts": (key_sums(3, 5_000, one), [5_000] * 3, [0] * 3, sum),
    }


def audit_noise(runs: int) -> None:
    plan = plan_aggregate(POLICY)
    default = plan.mechanisms.mean.loss.rho * float(RHO_UNIT)
    alone = granted(POLICY).rho * float(RHO_UNIT)
    delta = POLICY.delta / 2
    print("mechanism, budget: claimed epsilon, lower bound, AUC")
    for told, rho, weaker in (("default", default, 1), ("alone", alone, 1), ("weak", alone, 100)):
        for name, (mechanism, present, absent, score) in attacks(rho, delta, weaker).items():
            is_pure = mechanism.noise == "discrete Laplace"
            claimed = (2 * rho) ** 0.5 if is_pure else epsilon_of(rho, delta)
            with_one = [score(mechanism.release(present)) for _ in range(runs)]
            without = [score(mechanism.release(absent)) for _ in range(runs)]
            audit = audit_epsilon(with_one, without, 0 if is_pure else POLICY.delta)
            verdict = "above what is claimed" if audit.epsilon > claimed else "ok"
            print(f"{name}, {told}: {claimed:.3f}, {audit.epsilon:.3f}, {audit.auc:.3f} {verdict}")


def audit_months(runs: int) -> None:
    """One persona's whole effect on all that is told, scored by its likelihood."""
    for told, canary in (("worst persona", True), ("usual persona", False)):
        for aggregates in (POLICY.aggregates, 1):
            plan = plan_aggregate(PrivacyPolicy(aggregates=aggregates))
            claimed = epsilon_of(plan.loss.rho * float(RHO_UNIT), POLICY.delta / 2)
            with_one, without = (
                [
                    likelihood(release_aggregate(plan, people), canary)
                    for people in [population(canary, has_it)] * runs
                ]
                for has_it in (True, False)
            )
            audit = audit_epsilon(with_one, without, POLICY.delta)
            print(
                f"{told}, 1 of {aggregates} aggregates of a month: {claimed:.3f},"
                f" {audit.epsilon:.3f}, {audit.auc:.3f}",
                flush=True,
            )


def population(canary: bool, has_it: bool) -> PersonaSummaries:
    rng = np.random.default_rng(5)
    rates, hours = rng.gamma(4, 0.8, OTHERS), rng.integers(0, 24, OTHERS)
    tags, lifts = rng.choice(list("abcdefgh"), (OTHERS, 3)), rng.normal(0.3, 0.5, (OTHERS, 3))
    if has_it:
        rates = np.append(rates, 20.0 if canary else 3.0)
        hours = np.append(hours, 3)
        tags = np.vstack([tags, list("abc")])
        lifts = np.vstack([lifts, [5.0 if canary else 0.3] * 3])
    owners = np.repeat(np.arange(len(rates)), 3)
    return PersonaSummaries(rates, hours, owners, tuple(tags.ravel()), lifts.ravel())


def likelihood(release: AggregateRelease, canary: bool) -> float:
    """Towards the persona, of what it changes: each figure by its noise."""
    scales = release.scales
    rate, spread, lift = (10_000, 5_000, 5_000) if canary else (-7_000, -100, 300)
    tags = sum(release.hashtags.get(tag, 0) for tag in "abc")
    lifts = sum(release.lifts.get(tag, 0) for tag in "abc")
    return (
        np.sign(release.personas - OTHERS - 0.5) / scales["personas"]
        + release.rate_sum * rate / scales["mean"] ** 2
        + release.spread_sum * spread / scales["spread"] ** 2
        + np.sign(release.rates[15 if canary else 6] - (0.5 if canary else 0.13 * OTHERS))
        / scales["rates"]
        + np.sign(release.hours[3] - OTHERS / 24 - 0.5) / scales["hours"]
        + tags / scales["hashtags"] ** 2
        + lifts * lift / scales["lifts"] ** 2
    )


def ask(store: Store, policy: PrivacyPolicy, hours: int) -> bool:
    """Whether a new answer was given."""
    question = question_of("", 1 + hours % 365, END - timedelta(hours=hours // 365))
    try:
        return aggregate(store, question, policy, END + timedelta(days=20)).is_new
    except BudgetSpent:
        return False


def ask_many(home: str, first: int, count: int) -> None:
    """In a process of its own: questions one after the other, or 25 at a time."""
    with open_store(Settings(home=Path(home))) as store:
        plan_aggregate(TIGHT)
        print("ready", flush=True)
        sys.stdin.readline()
        with ThreadPoolExecutor(25 if count > 25 or first < 100 else 1) as pool:
            given = list(pool.map(lambda at: ask(store, TIGHT, at), range(first, first + count)))
    print(json.dumps(sum(given)))


def audit_budget() -> None:
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    with open_store(Settings(home=home)) as store:
        write_posts(store, 50)
        processes = [start(home, first, 25) for first in range(0, 100, 25)]
        for process in processes:
            go(process)
        given = sum(int(process.communicate()[0].split()[-1]) for process in processes)
        show_budget(store, f"100 at once, 4 processes: {given} new answers of {TIGHT.aggregates}")


def audit_kills() -> None:
    """Each process is a copy of this one, and may start the database anew."""
    home, chance = Path(tempfile.mkdtemp(prefix="rl-")), random.Random(3)
    policy = PrivacyPolicy(aggregates=60)
    with open_store(Settings(home=home)) as store:
        write_posts(store, 50)
    plan_aggregate(policy)
    for turn in range(20):
        child = os.fork()
        if child == 0:
            with open_store(Settings(home=home)) as store:
                for at in range(100 * turn, 100 * turn + 100):
                    ask(store, policy, at)
            os._exit(0)
        time.sleep(chance.uniform(0.5, 3))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with open_store(Settings(home=home)) as store:
        show_budget(store, f"20 processes killed while they asked, {policy.aggregates} allowed")


def audit_restarts(restarts: int) -> None:
    home, chance = Path(tempfile.mkdtemp(prefix="rl-")), random.Random(4)
    policy, got = PrivacyPolicy(aggregates=60), Counter[str]()
    with open_store(Settings(home=home)) as store:
        write_posts(store, 50)
        plan_aggregate(policy)
        for turn in range(restarts):
            got.update(spend_while_restarting(store, home, policy, turn, chance.uniform(0.05, 1.5)))
        print(f"{restarts} restarts, 100 requests each: {dict(got)}; {read_ledger(store)}")


def start(home: Path, first: int, count: int) -> "subprocess.Popen[str]":
    words = [sys.executable, __file__, "ask", str(home), str(first), str(count)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def show_budget(store: Store, told: str) -> None:
    with store.connect() as connection:
        over = connection.execute(
            "SELECT count(*) FILTER (WHERE rho_spent > rho_granted), count(*),"
            " max(rho_spent) FILTER (WHERE persona = ''), max(rho_spent)"
            " FROM runlore.privacy_budgets"
        ).fetchone()
        spends = connection.execute(
            "SELECT count(*), coalesce(sum(rho), 0)::bigint FROM runlore.privacy_spends"
        ).fetchone()
        answers = connection.execute("SELECT count(*) FROM runlore.privacy_answers").fetchone()
    assert over
    assert spends
    assert answers
    agrees = over[2] == spends[1] == over[3] and spends[0] == answers[0]
    print(f"{told}; overspent rows {over[0]} of {over[1]}; answers {answers[0]}; ledger {agrees=}")


@dataclass
class Cost:
    """Of this process and its database, since the last reading: CPU seconds and statements."""

    home: Path
    statements: int = 0
    cpu_s: float = 0.0

    def __post_init__(self) -> None:
        plain = psycopg.Cursor.execute

        def counted(cursor: Any, *values: Any, **named: Any) -> Any:
            self.statements += 1
            return plain(cursor, *values, **named)

        psycopg.Cursor.execute = counted  # type: ignore[method-assign]
        self.read()

    def read(self) -> tuple[float, int]:
        parent, ticks = str(embedded.state(self.home).pid), os.sysconf("SC_CLK_TCK")
        total, statements = time.process_time(), self.statements
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                total += (int(fields[11]) + int(fields[12])) / ticks * (fields[1] == parent)
        spent, self.cpu_s, self.statements = total - self.cpu_s, total, 0
        return spent, statements


def audit_speed(queries: int, personas: int) -> None:
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    with open_store(Settings(home=home)) as store:
        write_posts(store, 20)
        policy = PrivacyPolicy(epsilon=10, aggregates=100_000)
        plan_aggregate(policy)
        cost, tenth = Cost(home), max(1, queries // 10)
        print("new queries: wall ms (median), CPU ms, statements each")
        for first in range(0, queries, tenth):
            took = []
            for at in range(first, first + tenth):
                began = time.perf_counter()
                assert ask(store, policy, at)
                took.append(1_000 * (time.perf_counter() - began))
            cpu_s, statements = cost.read()
            wall, cpu = np.median(took), 1_000 * cpu_s / tenth
            told = f"{wall:.1f}, {cpu:.1f}, {statements / tenth:.2f}"
            print(f"{first + 1:,} to {first + tenth:,}: {told}", flush=True)
        write_posts(store, personas, 10, platform="large")
        with store.connect() as connection:
            connection.execute("ANALYZE runlore.executions")
        show_speed(store, policy, personas, cost)


def show_speed(store: Store, policy: PrivacyPolicy, personas: int, cost: Cost) -> None:
    from runlore.privacy.queries.posts import PostQuery, make_posts, read_summaries

    for _ in range(3):
        times = [time.perf_counter()]
        with store.connect() as connection:
            query = PostQuery(END - timedelta(days=30), END, "large")
            names = make_posts(connection, query, policy.highest_rate)
            times.append(time.perf_counter())
            summaries = read_summaries(connection, set(names), policy.hashtags_each)
            times.append(time.perf_counter())
        release_aggregate(plan_aggregate(policy), summaries)
        times.append(time.perf_counter())
        gather, summing, noise = (1_000 * np.diff(times)).tolist()
        print(f"gather {gather:.0f} ms, sum up {summing:.0f} ms, noise {noise:.0f} ms")
    for days in range(26, 31):
        cost.read()
        began = time.perf_counter()
        aggregate(store, question_of("large", days, END), policy, END)
        wall, (cpu_s, _) = time.perf_counter() - began, cost.read()
        print(f"{personas} personas, new: {1_000 * wall:.0f} ms, CPU {1_000 * cpu_s:.0f} ms")
    took = []
    for _ in range(200):
        began = time.perf_counter()
        aggregate(store, question_of("large", 30, END), policy, END)
        took.append(1_000 * (time.perf_counter() - began))
    print(f"told before: median {np.median(took):.1f} ms, p99 {np.quantile(took, 0.99):.1f} ms")


def main() -> None:
    if sys.argv[1:2] == ["ask"]:
        ask_many(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--personas", type=int, default=10_000)
    parser.add_argument("--restarts", type=int, default=20)
    chosen = parser.parse_args()
    if chosen.part in (None, "noise"):
        audit_noise(chosen.runs)
    if chosen.part in (None, "month"):
        audit_months(chosen.runs)
    if chosen.part in (None, "budget"):
        audit_budget()
    if chosen.part in (None, "kills"):
        audit_kills()
    if chosen.part in (None, "restarts"):
        audit_restarts(chosen.restarts)
    if chosen.part in (None, "speed"):
        audit_speed(chosen.queries, chosen.personas)


if __name__ == "__main__":
    main()
