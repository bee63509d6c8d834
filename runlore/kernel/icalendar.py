"""Events as an iCalendar file, by RFC 5545: UTC, text escaped, lines folded at 75 octets."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

FOLDED = 75  # octets of a line, without its end


@dataclass(frozen=True)
class CalendarEvent:
    """id: the same for the same event of the same calendar."""

    id: str
    start: datetime
    end: datetime
    summary: str
    location: str
    description: str


def write_icalendar(name: str, made_at: datetime, events: Iterable[CalendarEvent]) -> str:
    """name: of what made it, in English. An event lasts a second at least."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//Runlore//{name}//EN"]
    lines.append("CALSCALE:GREGORIAN")
    for event in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_text(event.id)}@{_utc(made_at)}.runlore",
            f"DTSTAMP:{_utc(made_at)}",
            f"DTSTART:{_utc(event.start)}",
            f"DTEND:{_utc(max(event.end, event.start + timedelta(seconds=1)))}",
            f"SUMMARY:{_text(event.summary)}",
            f"LOCATION:{_text(event.location)}",
            f"DESCRIPTION:{_text(event.description)}",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _utc(instant: datetime) -> str:
    return f"{instant:%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    r"""
    >>> _text("a,b;c\\d" + chr(10) + "e")
    'a\\,b\\;c\\\\d\\ne'
    """
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _fold(line: str) -> str:
    """Never within a character."""
    parts, size = [""], 0
    for char in line:
        width = len(char.encode())
        if size + width > FOLDED:
            parts.append("")
            size = 1  # the space that a continued line begins with
        parts[-1] += char
        size += width
    return "\r\n ".join(parts)
