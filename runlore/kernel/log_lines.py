"""The one format of all logs: a line for people, or a JSON object per line for programs.

Every line has the UTC time, the level, the process with its number, the logger and the message.
A line that belongs to a request, a prediction or a flow run has those ids as well.
"""

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from runlore.kernel.redaction import redact

FORMAT_VARIABLE = "RUNLORE_LOG_FORMAT"
# The fields that a line has where they are known: from `log_fields`, or from `extra` of the call.
FIELDS = (
    "request_id",
    "prediction_id",
    "spec",
    "version",
    "trace_id",
    "flow_run_id",
    "flow_run_name",
    "task_run_name",
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
CONTINUED = "\n    "  # what follows a line break can not be taken for a line of its own

_fields: ContextVar[dict[str, str] | None] = ContextVar("log_fields", default=None)


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """Add fields to all lines that are logged within the block, on whatever thread it goes on."""
    token = _fields.set({**(_fields.get() or {}), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def note_fields(**fields: str) -> None:
    """Add fields to the lines of the innermost `log_fields` block, from now on."""
    known = _fields.get()
    if known is not None:
        known.update(fields)


def current_field(name: str) -> str | None:
    return (_fields.get() or {}).get(name)


class LineFormatter(logging.Formatter):
    """Writes log records as lines of the product's format.

    service: names the process in every line. is_json: one JSON object per line.
    """

    def __init__(self, service: str, *, is_json: bool) -> None:
        super().__init__()
        self.service = service
        self.is_json = is_json

    def format(self, record: logging.LogRecord) -> str:
        entry = self._entry(record)
        if self.is_json:
            return json.dumps(entry, ensure_ascii=False)
        known = " ".join(f"{name}={entry[name]}" for name in FIELDS if name in entry)
        text = (
            f"{entry['time']} {entry['level']} {self.service}[{record.process}]"
            f" {entry['logger']}: {entry['message']}{f' ({known})' if known else ''}"
        )
        if "exception" in entry:
            text = f"{text}\n{entry['exception']}"
        return CONTROL.sub(_escape, text).replace("\n", CONTINUED)

    def _entry(self, record: logging.LogRecord) -> dict[str, Any]:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry: dict[str, Any] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "service": self.service,
            "process": record.process,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        entry |= _known_fields(record, _fields.get() or {})
        trace = record.exc_text or (
            self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
        )
        if trace:
            entry["exception"] = redact(trace)
        return entry


def _known_fields(record: logging.LogRecord, context: Mapping[str, str]) -> dict[str, str]:
    known = {name: getattr(record, name, None) or context.get(name) for name in FIELDS}
    return {name: redact(str(value)) for name, value in known.items() if value}


def _escape(match: "re.Match[str]") -> str:
    return f"\\x{ord(match[0]):02x}"


def make_formatter(service: str, environment: Mapping[str, str]) -> LineFormatter:
    """The formatter that the environment asks for; an unknown format is refused with the
    settings, not here."""
    return LineFormatter(service, is_json=environment.get(FORMAT_VARIABLE) == "json")
