"""Put posts at the times that engage a persona's audience most, and into a calendar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from runlore.agents.builtin.task_kind import BuiltinContext, TaskRequest
from runlore.engagement.actions.publishing_times import TimesRequest, publishing_times
from runlore.engagement.times_views import TimesView, show_times
from runlore.kernel.calendars import find_zone
from runlore.kernel.icalendar import CalendarEvent, write_icalendar

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Basis = Literal["significant", "estimate", "default"]
DEFAULT_HOURS = (9, 12, 17)  # where the posts tell nothing; in this order


class PostToSchedule(TaskRequest):
    id: Name
    title: Name


class SchedulingRequest(TaskRequest):
    """first_day: local; null: tomorrow. hours: the earliest, and the last, of a day."""

    persona: Name
    platform: Name | None = None
    timezone: Name | None = None
    posts: Annotated[tuple[PostToSchedule, ...], Field(min_length=1, max_length=200)]
    first_day: date | None = None
    days: Annotated[int, Field(ge=1, le=92)] = 7
    per_day: Annotated[int, Field(ge=1, le=24)] = 1
    least_gap_h: Annotated[float, Field(ge=0, le=168)] = 4.0
    hours: tuple[Annotated[int, Field(ge=0, le=23)], Annotated[int, Field(ge=0, le=23)]] = (7, 21)
    taken: Annotated[tuple[AwareDatetime, ...], Field(max_length=1_000)] = ()
    as_of: AwareDatetime | None = None


@dataclass(frozen=True)
class ScheduledPost:
    """gain: points of the engagement rate beside the average hour; null: unknown.

    basis: `significant`: that hour or weekday is better beyond chance. `estimate`: the best guess.
    `default`: there are too few posts to say anything.
    """

    id: str
    title: str
    start: datetime
    local: str
    gain: float | None
    basis: Basis


@dataclass(frozen=True)
class ContentSchedule:
    """unplaced: posts for which there was no room. calendar: iCalendar. reason: of the times."""

    persona: str
    timezone: str
    posts: tuple[ScheduledPost, ...]
    unplaced: tuple[str, ...]
    learned_from: int
    reason: str
    calendar: str


@dataclass(frozen=True)
class _Slot:
    start: datetime
    gain: float | None
    basis: Basis
    rank: float


def schedule_content(request: SchedulingRequest, context: BuiltinContext) -> ContentSchedule:
    """Raises NotFound for a persona without final posts, BadInput for an unknown zone."""
    as_of = request.as_of or context.at
    wanted = TimesRequest(request.persona, request.platform, request.timezone)
    times = show_times(publishing_times(context.store, wanted, as_of))
    zone = request.timezone or (times.zones[0] if times.zones else "UTC")
    chosen = _choose(sorted(_slots(request, times, zone, as_of), key=lambda one: one.rank), request)
    posts = tuple(
        ScheduledPost(
            post.id,
            post.title,
            slot.start.astimezone(UTC),
            f"{slot.start:%Y-%m-%d %H:%M}",
            slot.gain,
            slot.basis,
        )
        for post, slot in zip(request.posts, chosen, strict=False)
    )
    return ContentSchedule(
        persona=request.persona,
        timezone=zone,
        posts=posts,
        unplaced=tuple(post.id for post in request.posts[len(posts) :]),
        learned_from=times.posts,
        reason=times.reason,
        calendar=write_icalendar("Posts", as_of, _events(posts, request)),
    )


def _slots(
    request: SchedulingRequest, times: TimesView, zone: str, as_of: datetime
) -> Iterator[_Slot]:
    """Every hour that may be used; rank: the best first, the earliest of those that are alike."""
    clock = find_zone(zone)
    first = request.first_day or as_of.astimezone(clock).date() + timedelta(days=1)
    significant = {(one.weekday, one.hour) for one in times.best}
    earliest, last = request.hours
    number = 0
    for day in (first + timedelta(days=at) for at in range(request.days)):
        for hour in range(earliest, last + 1):
            start = datetime.combine(day, time(hour), clock)
            if start <= as_of or start.astimezone(UTC).astimezone(clock).hour != hour:
                continue  # it has passed, or the clock is put forward over it
            number += 1
            week = times.week[day.weekday()] if times.week else ()
            if week:
                names = {(None, hour), (f"{day:%A}", None), (f"{day:%A}", hour)}
                basis: Basis = "significant" if names & significant else "estimate"
                yield _Slot(start, week[hour], basis, number * 1e-9 - week[hour])
            elif hour in DEFAULT_HOURS:
                yield _Slot(start, None, "default", DEFAULT_HOURS.index(hour) + number * 1e-6)


def _choose(slots: Sequence[_Slot], request: SchedulingRequest) -> list[_Slot]:
    """The best ones that keep the gap and the number of a day, by time."""
    chosen: list[_Slot] = []
    gap = timedelta(hours=request.least_gap_h)
    for slot in slots:
        if len(chosen) == len(request.posts):
            break
        others = [one.start for one in chosen] + list(request.taken)
        same_day = sum(one.start.date() == slot.start.date() for one in chosen)
        is_near = any(abs(slot.start.astimezone(UTC) - one.astimezone(UTC)) < gap for one in others)
        if same_day < request.per_day and not is_near:
            chosen.append(slot)
    return sorted(chosen, key=lambda one: one.start.astimezone(UTC))


def _events(posts: Sequence[ScheduledPost], request: SchedulingRequest) -> Iterator[CalendarEvent]:
    for post in posts:
        end = post.start + timedelta(minutes=15)
        where = request.platform or ""
        yield CalendarEvent(post.id, post.start, end, post.title, where, f"{request.persona}")
