"""Security events: a real log of sshd, and a simulated month with twelve planted attacks.

    python -m bench.security_events [--log FILE] [--seed N] [--users N]

Everything goes through the importers into a database of its own, and through the rules of the
package. Beside them: a naive rule, more than five failures of one address within ten minutes.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from runlore.advice.actions.security import SecurityQuery, find_incidents
from runlore.advice.actions.security_rule_files import load_rules
from runlore.advice.security_views import conclude
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.settings import Settings
from runlore.store.engine import Store, open_store

BEGIN = datetime(2026, 7, 6, tzinfo=UTC)  # a Monday
LEARNING, WATCHED = 60, 28  # days
WEEKS = WATCHED / 7
BUDGET = 1.0
NAIVE_FAILURES, NAIVE_US = 5, 600_000_000


@dataclass
class World:
    rng: np.random.Generator
    rows: list[tuple[datetime, dict[str, object]]] = field(default_factory=list)

    def add(self, at: datetime, action: str, user: str, host: str, **more: object) -> None:
        outcome = more.pop("outcome", "success")
        event = {"@timestamp": at.isoformat(), "user": {"name": user}, "host": {"name": host}}
        event["event"] = {"action": action, "outcome": outcome, "id": f"e{len(self.rows)}"}
        for name, value in more.items():
            outer, _, inner = name.partition("_")
            event.setdefault(outer, {})[inner] = value
        self.rows.append((at, event))


@dataclass(frozen=True)
class Attack:
    name: str
    begin: datetime
    end: datetime
    causes: tuple[str, ...]


def address(rng: np.random.Generator, net: str = "203.0.113") -> str:
    return f"{net}.{rng.integers(1, 255)}"


def day_of_work(world: World, user: int, day: datetime) -> None:
    """Logins, commands, transfers and changes of a person on one day."""
    rng, name = world.rng, f"user{user:02}"
    own = np.random.default_rng(user)
    begins, hosts = own.normal(7.5, 1.2), own.choice(30, own.integers(2, 7), replace=False)
    home, is_weekend = f"198.51.{user}", day.weekday() >= 5
    if rng.random() < (0.96 if is_weekend else 0.08):
        return
    net = home if rng.random() < 0.3 else "192.0.2"
    if rng.random() < 0.01:
        net = f"100.64.{rng.integers(255)}"  # travel
    for _ in range(rng.poisson(7) + 1):
        at = day + timedelta(hours=float(np.clip(begins + rng.gamma(2.2, 2.0), 0, 23.9)))
        host = (
            f"host{rng.choice(hosts):02}" if rng.random() > 0.01 else f"host{rng.integers(30):02}"
        )
        source = address(rng, net)
        for slip in range(rng.choice([0, 1, 2, 4], p=[0.93, 0.05, 0.015, 0.005])):
            world.add(
                at - timedelta(seconds=9 * (slip + 1)),
                "login",
                name,
                host,
                outcome="failure",
                source_ip=source,
            )
        world.add(at, "login", name, host, source_ip=source)
        if user % 3 == 0 and rng.random() < 0.4:
            command(world, at + timedelta(minutes=3), name, host, rng.random() < 0.03)
    if rng.random() < 0.5:
        size = float(rng.lognormal(18 + user % 4, 1.1))
        at = day + timedelta(hours=begins + 5 * rng.random())
        world.add(
            at, "network_flow", name, "gate", network_direction="outbound", network_bytes=int(size)
        )
    if user % 5 == 0 and rng.random() < 0.3:
        burst(world, day + timedelta(hours=begins + 4), "updated", name, int(rng.integers(5, 60)))
    if user % 7 == 0 and rng.random() < 0.15:
        burst(world, day + timedelta(hours=begins + 5), "deleted", name, int(rng.integers(2, 30)))


def command(world: World, at: datetime, user: str, host: str, is_refused: bool) -> None:
    outcome = "failure" if is_refused else "success"
    world.add(at, "ran-command", user, host, outcome=outcome, process_name="apt")


def burst(world: World, at: datetime, action: str, user: str, count: int) -> None:
    for number in range(count):
        world.add(at + timedelta(seconds=3 * number), action, user, "store")


def machine_day(world: World, number: int, day: datetime) -> None:
    """An account of a job: each half hour on the same hosts; now and then its password is old."""
    rng, name, source = world.rng, f"job{number}", f"192.0.2.{240 + number}"
    is_broken = rng.random() < 0.02
    for half_hour in range(48):
        at = day + timedelta(minutes=30 * half_hour + float(rng.random()))
        outcome = "failure" if is_broken and 20 <= half_hour < 26 else "success"
        world.add(at, "login", name, f"host{number:02}", outcome=outcome, source_ip=source)


def noise_day(world: World, day: datetime) -> None:
    """Addresses of the internet that try once or twice and go on; new people; nights on call."""
    rng = world.rng
    for _ in range(rng.poisson(6)):
        at, source = day + timedelta(hours=24 * float(rng.random())), address(rng, "203.0.114")
        for _ in range(rng.integers(1, 5)):
            user = rng.choice(["admin", "test", "oracle"])
            world.add(at, "login", user, "gate", outcome="failure", source_ip=source)
            at += timedelta(seconds=4)
    if rng.random() < 0.3:
        user, hour = int(rng.integers(50)), float(rng.random() * 5)
        host = f"host{np.random.default_rng(user).choice(30):02}"
        at = day + timedelta(hours=hour)
        world.add(at, "login", f"user{user:02}", host, source_ip=address(rng, f"198.51.{user}"))


def attacks(world: World) -> Iterator[Attack]:
    """Twelve, each on a day of its own in the watched month."""
    first = BEGIN + timedelta(days=LEARNING)
    days = world.rng.permutation(WATCHED)[:12]
    planted = (
        brute_force, slow_brute_force, spraying, distributed, break_in, enumeration, stolen,
        hopping, exfiltration, deletion, privilege, new_administrator,
    )  # fmt: skip
    for plant, day in zip(planted, days, strict=True):
        at = first + timedelta(days=int(day), hours=float(world.rng.random() * 20))
        before = len(world.rows)
        causes = plant(world, at)
        times = [row[0] for row in world.rows[before:]]
        yield Attack(plant.__name__, min(times), max(times), causes)


def failures(
    world: World, at: datetime, each_s: float, users: list[str], sources: list[str], count: int
) -> None:
    for number in range(count):
        user, source = users[number % len(users)], sources[number % len(sources)]
        later = at + timedelta(seconds=each_s * number)
        world.add(later, "login", user, "gate", outcome="failure", source_ip=source)


def brute_force(world: World, at: datetime) -> tuple[str, ...]:
    failures(world, at, 3, ["root"], ["203.0.113.1"], 200)
    return ("203.0.113.1", "root")


def slow_brute_force(world: World, at: datetime) -> tuple[str, ...]:
    failures(world, at, 480, ["root"], ["203.0.113.2"], 90)
    return ("203.0.113.2", "root")


def spraying(world: World, at: datetime) -> tuple[str, ...]:
    failures(world, at, 120, [f"user{n:02}" for n in range(25)], ["203.0.113.3"], 25)
    return ("203.0.113.3",)


def distributed(world: World, at: datetime) -> tuple[str, ...]:
    failures(world, at, 150, ["user07"], [f"203.0.{n}.4" for n in range(20)], 20)
    return ("user07",)


def break_in(world: World, at: datetime) -> tuple[str, ...]:
    failures(world, at, 20, ["user11"], ["203.0.113.5"], 30)
    later = at + timedelta(seconds=620)
    world.add(later, "login", "user11", "gate", source_ip="203.0.113.5")
    return ("203.0.113.5", "user11")


def enumeration(world: World, at: datetime) -> tuple[str, ...]:
    for number in range(30):
        later = at + timedelta(seconds=40 * number)
        world.add(
            later, "unknown-user", f"guess{number}", "gate", outcome="failure",
            source_ip="203.0.113.6",
        )  # fmt: skip
    return ("203.0.113.6",)


def stolen(world: World, at: datetime) -> tuple[str, ...]:
    """A password is known: no failure, but another network, hour and host."""
    night = at.replace(hour=2, minute=20)
    for number, host in enumerate(("vault", "ledger", "vault")):
        later = night + timedelta(minutes=20 * number)
        world.add(later, "login", "user21", host, source_ip="203.0.113.7")
    return ("user21",)


def hopping(world: World, at: datetime) -> tuple[str, ...]:
    for number in range(20):
        later = at + timedelta(seconds=24 * number)
        world.add(later, "login", "user22", f"host{number:02}", source_ip="192.0.2.77")
    return ("user22",)


def exfiltration(world: World, at: datetime) -> tuple[str, ...]:
    for number in range(40):
        later = at + timedelta(minutes=number)
        world.add(
            later, "network_flow", "user23", "gate", network_direction="outbound",
            network_bytes=2_000_000_000,
        )  # fmt: skip
    return ("user23",)


def deletion(world: World, at: datetime) -> tuple[str, ...]:
    burst(world, at, "deleted", "user24", 120)
    return ("user24",)


def privilege(world: World, at: datetime) -> tuple[str, ...]:
    for number in range(4):
        command(world, at + timedelta(minutes=number), "user25", "host09", is_refused=True)
    later = at + timedelta(minutes=5)
    world.add(later, "ran-command", "user25", "host09", user_effective={"name": "root"})
    args = ["systemctl", "stop", "auditd"]
    later = at + timedelta(minutes=7)
    world.add(later, "ran-command", "user25", "host09", process_args=args, process_name="systemctl")
    return ("user25",)


def new_administrator(world: World, at: datetime) -> tuple[str, ...]:
    world.add(at, "added-user-account", "user26", "host03", user_target={"name": "svc"})
    later = at + timedelta(minutes=4)
    world.add(later, "modified-group-account", "user26", "host03", group_name="sudo")
    return ("host03", "user26")


def simulate(seed: int, users: int) -> tuple[World, list[Attack]]:
    world = World(np.random.default_rng(seed))
    for number in range(LEARNING + WATCHED):
        day = BEGIN + timedelta(days=number)
        for user in range(users):
            day_of_work(world, user, day)
        for machine in range(10):
            machine_day(world, machine, day)
        noise_day(world, day)
    return world, list(attacks(world))


def naive(world: World, begin: datetime) -> list[tuple[str, datetime]]:
    """(address, when) of more than five failures of one address within ten minutes."""
    recent: dict[str, list[datetime]] = {}
    alarms: dict[tuple[str, int], datetime] = {}
    for at, event in sorted(world.rows, key=lambda row: row[0]):
        is_failure = event["event"]["outcome"] == "failure" and "source" in event
        if not is_failure or at < begin:
            continue
        source = event["source"]["ip"]
        window = [one for one in recent.get(source, []) if (at - one).total_seconds() <= 600]
        recent[source] = [*window, at]
        if len(recent[source]) > NAIVE_FAILURES:
            alarms.setdefault((source, int(at.timestamp() // 21_600)), at)
    return [(source, at) for (source, _), at in alarms.items()]


def judged(alarms: list[tuple[set[str], datetime, str]], planted: list[Attack]) -> None:
    """Print what was found, after how long, and how many alarms are about no attack."""
    slack = timedelta(minutes=30)
    late: dict[str, float] = {}
    false: Counter[str] = Counter()
    for names, found_at, what in alarms:
        hit = [
            one
            for one in planted
            if names & {*one.causes} and one.begin - slack <= found_at <= one.end + slack
        ]
        for one in hit:
            minutes = max((found_at - one.begin).total_seconds() / 60, 0)
            late[one.name] = min(late.get(one.name, np.inf), minutes)
        if not hit:
            false[what] += 1
    print(f"  found {len(late)} of {len(planted)}; false {sum(false.values()) / WEEKS:.2f} a week")
    for one in planted:
        print(f"    {one.name}: " + (f"{late[one.name]:.1f} min" if one.name in late else "missed"))
    for what, count in false.most_common(12):
        print(f"    false: {count} × {what}")


def month(store: Store, folder: Path, seed: int, users: int) -> None:
    world, planted = simulate(seed, users)
    world.rows.sort(key=lambda row: row[0])
    path = folder / "audit.log"
    path.write_text("".join(f"{json.dumps(event)}\n" for _, event in world.rows))
    end = BEGIN + timedelta(days=LEARNING + WATCHED)
    began = time.perf_counter()
    summary = ingest_file(store, FileSource(path, "audit", f"audit-{seed}"), end)
    print(f"seed {seed}: {summary.new:,} events, {summary.rejected} rejected,"
          f" ingested in {time.perf_counter() - began:.1f} s")  # fmt: skip
    rules, first = load_rules(), BEGIN + timedelta(days=LEARNING)
    began = time.perf_counter()
    found = find_incidents(store, rules, SecurityQuery(first, end, BUDGET))
    print(f"  {found.events:,} events of the month checked in {time.perf_counter() - began:.1f} s")
    print("rules of the package:")
    judged([alarm(one) for one in found.incidents], planted)
    habits = {rule.name for rule in rules.rules if rule.needs_habits}
    rare = [one for one in found.incidents if {rule.rule for rule in one.rules} <= habits]
    print(f"  of them by habits alone: {len(rare) / WEEKS:.2f} a week, budget {BUDGET:g}")
    print("more than five failures in ten minutes:")
    judged([({source}, at, "failures") for source, at in naive(world, first)], planted)


def alarm(one) -> tuple[set[str], datetime, str]:
    return {one.cause, *one.users[:1]}, one.found_at, one.rules[0].rule


def real_log(store: Store, path: Path) -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    summary = ingest_file(store, FileSource(path, "auth-log", "sshd"), at)
    skipped = sum(summary.skipped.values())
    print(
        f"{path.name}: {summary.new} events, {skipped} lines counted, {summary.rejected} rejected"
    )
    for reason, count in summary.skipped.items():
        print(f"  {count} {reason}")
    since = at - timedelta(days=399)
    found = find_incidents(store, load_rules(), SecurityQuery(since, at, BUDGET))
    print(f"  {len(found.incidents)} alerts")
    for one in found.incidents:
        print(f"  {one.level:8} {one.first_at:%H:%M}–{one.last_at:%H:%M} {conclude(one)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--seed", type=int, nargs="*", default=[1])
    parser.add_argument("--users", type=int, default=50)
    given = parser.parse_args()
    for work in (given.log, *given.seed):
        if work is not None:
            try_out(work, given.users)


def try_out(work: Path | int, users: int) -> None:
    """A real log, or the month of a seed, in a database of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="rl-") as home,
        open_store(Settings(home=Path(home), database_url=None)) as store,
    ):
        if isinstance(work, Path):
            real_log(store, work)
        else:
            month(store, Path(home), work, users)


if __name__ == "__main__":
    main()
