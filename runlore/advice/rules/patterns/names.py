"""Patterns in the words of people."""

from collections.abc import Sequence
from datetime import UTC, datetime

from runlore.advice.rules.patterns.behaviour import Group, Part
from runlore.advice.rules.patterns.chance import PatternTest
from runlore.advice.rules.patterns.details import (
    Clusters,
    FailureTime,
    HabitShift,
    NextRun,
    Period,
    TimeOfDay,
    Weekdays,
)
from runlore.advice.rules.patterns.local_time import DAY_S
from runlore.advice.rules.patterns.weekdays import WEEKEND, WORKDAYS
from runlore.kernel.readable import readable_duration, readable_number, readable_share

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NARROW = 160  # minutes; wider windows are usual hours
MOST_DAYS = 0.8


def clock(minute: float) -> str:
    """
    >>> clock(130.4), clock(1439.9)
    ('02:10', '00:00')
    """
    whole = round(minute) % 1440
    return f"{whole // 60:02}:{whole % 60:02}"


def weekday_names(days: Sequence[int]) -> str:
    """
    >>> weekday_names((0,)), weekday_names((5, 6))
    ('on Mondays', 'at weekends')
    """
    if tuple(days) == WORKDAYS:
        return "on workdays"
    if tuple(days) == WEEKEND:
        return "at weekends"
    return "on " + ", ".join(f"{DAYS[day]}s" for day in days)


def group_name(group: Group, part: Part, name: str) -> str:
    """
    >>> group_name(Group(kind="backup", scope="web-3"), "actor", "ann")
    'backup of web-3'
    >>> group_name(Group(actor="ann"), "kind", "build"), group_name(Group(), "actor", "ann")
    ('build by ann', 'work')
    """
    kind = group.kind or (name if part == "kind" else "") or "work"
    scope = f" of {group.scope}" if group.scope else ""
    actor = f" by {group.actor}" if group.actor else ""
    return f"{kind}{scope}{actor}"


def describe(
    test: PatternTest,
    part: Part,
    name: str,
    failures: tuple[int, int] = (0, 0),
    weekdays: Weekdays | None = None,
    failing_day: tuple[int, float] | None = None,
    *,
    has_others: bool = True,
) -> str:
    """failures: of the group's runs that ended: how many failed, how many ended.

    weekdays, failing_day: what else was found of the group of a usual time. has_others: chance is
    what others do; else an even spread.
    """
    others = "others" if has_others else "evenly spread"
    what, detail = group_name(test.group, part, name), test.detail
    match detail:
        case TimeOfDay():
            text = _time(test, detail, (what, others), weekdays) + _failing(failures, failing_day)
        case Weekdays():
            beside = _beside(test, "of active days", others)
            text = f"{what} {weekday_names(detail.days)}: {beside}"
        case Period():
            every = readable_duration(detail.period_s)
            beside = _beside(test, "of intervals", "by chance at most")
            text = f"{what} every {every} ± {readable_duration(detail.spread_s)}: {beside}"
        case NextRun():
            text = _order(test, detail, part)
        case FailureTime():
            text = _failure_time(test, detail, what)
        case Clusters():
            text = _clusters(detail, what)
        case HabitShift():
            text = _shift(detail)
    return text


def _failure_time(test: PatternTest, detail: FailureTime, what: str) -> str:
    hour = detail.hour or 0
    when = f"between {hour:02}:00 and {hour + 6:02}:00"
    if detail.weekday is not None:
        when = f"on {DAYS[detail.weekday]}s"
    rates = readable_share(test.share), readable_share(test.chance)
    return f"{what} fails {rates[0]} {when}, else {rates[1]}"


def _time(
    test: PatternTest, detail: TimeOfDay, words: tuple[str, str], weekdays: Weekdays | None
) -> str:
    what, others = words
    if detail.width > NARROW:
        window = f"between {clock(detail.begin)} and {clock(detail.begin + detail.width)}"
        return f"{what} {window}: {_beside(test, 'of the day’s runs', others)}"
    is_night = detail.middle >= 22 * 60 or detail.middle < 5 * 60
    often = ""
    if detail.days >= MOST_DAYS:
        often = "nightly " if is_night else "daily "
    when = f" {weekday_names(weekdays.days)}" if weekdays else ""
    middle, spread = clock(detail.middle), max(round(detail.spread), 1)
    return f"{often}{what}{when}, {middle} ± {spread} min"


def _failing(failures: tuple[int, int], failing_day: tuple[int, float] | None) -> str:
    if failing_day:
        return f", fails {readable_share(failing_day[1])} on {DAYS[failing_day[0]]}s"
    failed, ended = failures
    return f", fails {readable_share(failed / ended)}" if ended >= 10 and failed else ""


def _beside(test: PatternTest, of_what: str, beside: str) -> str:
    return f"{readable_share(test.share)} {of_what} ({beside} {readable_share(test.chance)})"


def _order(test: PatternTest, detail: NextRun, part: Part) -> str:
    within = readable_duration(detail.within_s)
    verb = "fails" if detail.is_after_failure else "ends"
    again = " again" if detail.first == detail.then else ""
    beside = "after successes" if detail.is_after_failure else "at other times"
    is_whole = detail.part == part and part != "kind"
    first, then = ("work", "work") if is_whole else (detail.first, detail.then)
    return (
        f"after {first or 'work'} {verb}, {then or 'work'}{again} within {within}:"
        f" {readable_share(test.share)} ({beside} {readable_share(test.chance)})"
    )


def _clusters(detail: Clusters, what: str) -> str:
    sorts = "; ".join(
        f"{readable_share(one.share)} with "
        + ", ".join(f"{_input(name)} {_value(name, value)}" for name, value in one.middles)
        + (f", around {clock(one.usual)}" if one.usual is not None else "")
        for one in detail.clusters
    )
    return f"{what} has {len(detail.clusters)} sorts of runs: {sorts}"


def _input(name: str) -> str:
    return "duration" if name == "duration_s" else name


def _value(name: str, value: float) -> str:
    return readable_duration(value) if name.endswith("_s") else readable_number(value)


def _shift(detail: HabitShift) -> str:
    since = f"since {datetime.fromtimestamp(detail.since_day * DAY_S, UTC):%Y-%m-%d}"
    if detail.measure in ("active days", "executions"):
        before, after = readable_number(detail.before), readable_number(detail.after)
        return f"{since} {after} {detail.measure} a week, before {before}"
    before, after = readable_share(detail.before), readable_share(detail.after)
    if detail.measure == "failures":
        return f"{since} {after} fail, before {before}"
    return f"{since} {after} of the work is {_of(detail)}, before {before}"


def _of(detail: HabitShift) -> str:
    word = {"kind": "", "scope": "of ", "actor": "by ", "hours": "from "}
    return f"{word.get(detail.measure, '')}{detail.name or 'of no name'}"
