"""What a command or a request asks for, read and checked: the same words on every floor."""

from collections.abc import Mapping
from datetime import date, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.reports.actions.making import prices_of
from runlore.reports.rules.period import (
    DAY,
    Every,
    ReportPeriod,
    last_complete,
    month_of,
    read_day,
    read_time,
    week_of,
    zone_of,
)
from runlore.reports.rules.request import ReportPrices, ReportRequest, WorkFilter
from runlore.reports.rules.schedule import ReportSchedule

if TYPE_CHECKING:
    from runlore.settings import Settings

EVERY: dict[str, Every] = {
    "weekly": "week",
    "week": "week",
    "monthly": "month",
    "month": "month",
}
LONGEST = 80
LARGEST_SEQ = 2**63 - 1
Wish = Mapping[str, Any]


def read_request(wish: Wish, settings: "Settings", at: datetime) -> ReportRequest:
    """Text or numbers by name; None and "" stand for what was not said. Raises BadInput.

    every: weekly or monthly. from, to: days, both included. length: what they are. known_at,
    until_seq: of what was known.
    """
    zone = str(wish.get("zone") or "UTC")
    zone_of(zone)
    known = wish.get("known_at")
    known_at = known or at
    if isinstance(known_at, str):
        known_at = instants.parse(known_at, "known_at")
    return ReportRequest(
        period=_period(wish, zone, known_at),
        known_at=known_at,
        work=WorkFilter(wish.get("scope"), wish.get("kind"), wish.get("actor")),
        prices=_prices(wish, prices_of(settings)),
        until_seq=_seq(wish.get("until_seq")),
    )


def read_schedule(wish: Wish, by: str, at: datetime) -> ReportSchedule:
    """A new schedule, without its id. Raises BadInput."""
    work = WorkFilter(wish.get("scope"), wish.get("kind"), wish.get("actor"))
    due_time = read_time(str(wish.get("at") or "06:00"))
    return ReportSchedule(
        id=0,
        name=str(wish["name"]).strip(),
        every=read_every(str(wish.get("every") or "weekly")),
        zone=str(wish.get("zone") or "UTC"),
        due_time=f"{due_time:%H:%M}",
        work=vars(work),
        channels=tuple(dict.fromkeys(wish.get("channels") or ())),
        attachment=wish.get("attach") or "pdf",
        created_at=at,
        created_by=by,
    )


def read_every(text: str) -> Every:
    """How often, by its name. Raises BadInput."""
    if text not in EVERY:
        raise BadInput(f"every: {text[:LONGEST]!r} is neither weekly nor monthly", "every")
    return EVERY[text]


def _period(wish: Wish, zone: str, known_at: datetime) -> ReportPeriod:
    first, last, every = (wish.get(name) for name in ("from", "to", "every"))
    if not first and not last:
        return last_complete(read_every(str(every or "weekly")), known_at, zone)
    if every:
        raise BadInput("every: say weekly or monthly, or --from and --to, not both", "every")
    if not first or not last:
        name = "to" if first else "from"
        raise BadInput(f"{name}: a span has a first and a last day; say --from and --to", name)
    return _span(_day(first, "from"), _day(last, "to"), zone, str(wish.get("length") or "days"))


def _span(first: date, last: date, zone: str, length: str) -> ReportPeriod:
    """Days that are a week or a month are compared with the week or month before."""
    if last < first:
        raise BadInput(f"to: {last} is before {first}", "to")
    period = ReportPeriod(first, last + DAY, zone)
    if length == "days":
        return period
    whole = {"week": week_of, "month": month_of}.get(length)
    if whole is None:
        raise BadInput(f"length: {length[:LONGEST]!r} is none of week, month, days", "length")
    named = whole(first, zone)
    if (named.first, named.after) != (period.first, period.after):
        raise BadInput(f"length: {first} to {last} is no whole {length}", "length")
    return named


def _day(value: Any, name: str) -> date:  # noqa: ANN401  (text, or a day that was parsed)
    return value if isinstance(value, date) else read_day(str(value), name)


def _prices(wish: Wish, usual: ReportPrices) -> ReportPrices:
    hour, check, warns_at = (
        _number(wish.get(name), name) for name in ("price_per_hour", "price_per_check", "warns_at")
    )
    return ReportPrices(
        usual.hour if hour is None else hour,
        usual.check if check is None else check,
        str(wish.get("currency") or usual.currency),
        wish.get("cost") or usual.outcome,
        usual.warns_at if warns_at is None else warns_at,
    )


def _number(value: Any, name: str) -> float | None:  # noqa: ANN401  (text or a number)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except ValueError as error:
        raise BadInput(f"{name}: {str(value)[:LONGEST]!r} is no number", name) from error
    if not isfinite(number) or number < 0:
        raise BadInput(f"{name}: {str(value)[:LONGEST]!r} is not a number from 0 on", name)
    return number


def _seq(value: Any) -> int | None:  # noqa: ANN401  (text or a number)
    if value is None or value == "":
        return None
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LARGEST_SEQ):
        raise BadInput(f"until_seq: {text[:LONGEST]!r} is not the number of a fact", "until_seq")
    return int(text)
