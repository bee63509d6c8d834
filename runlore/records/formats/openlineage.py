"""OpenLineage events, in lines or in JSON documents, as runs."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import pyarrow as pa

from runlore.kernel.durations import SOURCE_CLOCK_TOLERANCE_US
from runlore.kernel.errors import BadInput
from runlore.records.execution import EXECUTION_COLUMNS
from runlore.records.formats.lineage_facets import inputs_at_start, inputs_of, outcome_of, owner
from runlore.records.formats.lineage_time import read_time
from runlore.records.formats.parsed import MOST_RAW_CHARACTERS, Parsed, rejects
from runlore.records.lineage_run import STATUSES, LineageRun, RunFact, RunKey, event_text
from runlore.records.validate import EARLIEST_US, LATEST_US, LONGEST_KEY_BYTES

OtherEvent = Literal["DatasetEvent", "JobEvent"]

EVENT_TYPES = ("START", "RUNNING", *STATUSES, "OTHER")
UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
NAME_DIGEST_BYTES = 6
BOM = b"\xef\xbb\xbf"
LONGEST_OPENING = 80  # characters before the first line end of a document over several lines


class FutureEvent(BadInput):
    """An event whose time has not come. due_us: when it is to be read again."""

    def __init__(self, time: str, due_us: int) -> None:
        super().__init__(f"eventTime: {time!r} is in the future", "eventTime")
        self.due_us = due_us


@dataclass(frozen=True)
class EventReader:
    """timezone: of times without a zone; None: such an event is refused. now_us: events after it
    are refused."""

    timezone: str | None = None
    now_us: int = LATEST_US

    def read(self, event: Any, line: int = 0) -> LineageRun | OtherEvent:  # noqa: ANN401  (JSON)
        """A run as one event tells of it. Raises BadInput, which names the field."""
        if not isinstance(event, Mapping):
            raise BadInput("the event is not a JSON object", "event")
        us = self._time(event)
        if "run" not in event and "dataset" in event:
            return "DatasetEvent"
        if "run" not in event and "job" in event:
            return "JobEvent"
        kind = _event_type(event)
        run_id = _name(event, "run", "runId")
        inputs = inputs_at_start(event) if kind == "START" else inputs_of(event)
        profile = event_text(us, _key(owner(event)), inputs)
        is_end = kind in STATUSES
        return LineageRun(
            namespace=_key(_name(event, "job", "namespace", may_be_empty=True)),
            job=_key(_name(event, "job", "name")),
            run_id=run_id.lower() if UUID.fullmatch(run_id) else _key(run_id),
            first_event=profile,
            start_event=profile if kind == "START" else None,
            end_event=event_text(us, kind, outcome_of(event)) if is_end else None,
            line=line,
        )

    def _time(self, event: Mapping[str, Any]) -> int:
        us = read_time(event.get("eventTime"), "eventTime", self.timezone)
        if not EARLIEST_US <= us < LATEST_US:
            raise BadInput("eventTime: it is not between 1970 and 2200", "eventTime")
        if us > self.now_us + SOURCE_CLOCK_TOLERANCE_US:
            raise FutureEvent(event["eventTime"], us)
        return us


@dataclass(frozen=True)
class ParsedRuns(Parsed):
    """Runs, each once, as the events of a chunk tell of them; `records` is empty."""

    runs: tuple[LineageRun, ...] = ()


@dataclass(frozen=True)
class EventLines:
    """A file with an event in each line, as OpenLineage's file transport writes it."""

    reader: EventReader

    @property
    def counts_rows(self) -> bool:
        return False

    def complete(self, data: bytes) -> int:
        """A last line without an end counts when it is a whole JSON object."""
        end = data.rfind(b"\n") + 1
        last = data[end:].rstrip()
        return len(data) if last.endswith(b"}") and _is_json(last) else end

    def parse(self, data: bytes, first_line: int) -> ParsedRuns:
        lines = enumerate(data.split(b"\n"), start=first_line)
        texts = ((number, text) for number, text in lines if text.strip())
        return _parsed(texts, self.reader)


@dataclass(frozen=True)
class EventPages:
    """JSON documents with events: an array, a page such as {"events": [...]}, or one by one."""

    reader: EventReader
    lists: Sequence[str] = ("events",)

    def parse(self, page: Sequence[Mapping[str, Any]], first_row: int) -> ParsedRuns:
        return _parsed(enumerate(page, start=first_row), self.reader)


def merge_runs(runs: Iterable[LineageRun]) -> tuple[LineageRun, ...]:
    """Each run once, in the order in which they appear first."""
    merged: dict[RunKey, LineageRun] = {}
    for run in runs:
        before = merged.get(run.key)
        merged[run.key] = run if before is None else before.merged(run)
    return tuple(merged.values())


def records(facts: Sequence[tuple[int, RunFact]], source: str) -> pa.Table:
    """Facts with their lines as a table of executions."""
    rows = [fact for _, fact in facts]
    columns: dict[str, Any] = {
        "line": pa.array([line for line, _ in facts], pa.int64()),
        "source": pa.array([source] * len(rows), pa.string()),
        "inputs": pa.array([row.inputs for row in rows], pa.string()),
        "status": pa.array([row.status.value for row in rows], pa.string()),
        "outcome": pa.array([row.outcome for row in rows], pa.string()),
    }
    for name in ("source_id", "actor", "kind", "scope"):
        columns[name] = pa.array([getattr(row, name) for row in rows], pa.string())
    for name in ("submitted", "started", "finished", "known"):
        columns[name] = pa.array([getattr(row, f"{name}_us") for row in rows], pa.int64())
    columns |= {"submission_known_at": columns["submitted"], "known_at": columns["known"]}
    return pa.table({name: columns[name] for name in ("line", *EXECUTION_COLUMNS)})


NO_RECORDS = records([], "")


def no_events() -> ParsedRuns:
    return ParsedRuns(NO_RECORDS, rejects([], [], []))


def is_event_line(head: bytes) -> bool:
    """Does a file that begins so have an event in each line, not documents over several lines?"""
    first = head.removeprefix(BOM).lstrip().partition(b"\n")[0]
    if not first.startswith(b"{"):
        return not first.startswith(b"[")
    try:
        document = json.loads(first)
    except (ValueError, RecursionError):
        return len(first) > LONGEST_OPENING  # a long line that the head cuts off, or a broken one
    return not isinstance(document.get("events"), list)


def _parsed(events: Iterable[tuple[int, Any]], reader: EventReader) -> ParsedRuns:
    runs: list[LineageRun] = []
    refused: list[tuple[int, str, str, int | None]] = []
    others: Counter[str] = Counter()
    for line, event in events:
        try:
            read = reader.read(_loaded(event) if isinstance(event, bytes) else event, line)
        except BadInput as error:
            due_us = error.due_us if isinstance(error, FutureEvent) else None
            refused.append((line, str(error), _raw(event), due_us))
            continue
        if isinstance(read, str):
            others[f"{read}s: they are about no run"] += 1
        else:
            runs.append(read)
    lines, reasons, raw, due = map(list, zip(*refused, strict=True)) if refused else ([],) * 4
    table = rejects(lines, reasons, raw, due=pa.array(due, pa.int64()))
    return ParsedRuns(NO_RECORDS, table, dict(others), runs=merge_runs(runs))


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _loaded(text: bytes) -> Any:  # noqa: ANN401  (JSON)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:100]
        raise BadInput(f"the line is not a JSON object: {said}", "event") from error


def _raw(event: Any) -> str:  # noqa: ANN401  (JSON)
    text = event.decode(errors="replace") if isinstance(event, bytes) else json.dumps(event)
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:MOST_RAW_CHARACTERS]


def _event_type(event: Mapping[str, Any]) -> str:
    value = event.get("eventType")
    if value is None:
        return "OTHER"
    if not isinstance(value, str) or value.upper() not in EVENT_TYPES:
        known = ", ".join(EVENT_TYPES)
        raise BadInput(f"eventType: {value!r:.40} is none of {known}", "eventType")
    return value.upper()


def _name(event: Mapping[str, Any], part: str, field: str, *, may_be_empty: bool = False) -> str:
    parent = event.get(part)
    if not isinstance(parent, Mapping):
        what = "is missing" if parent is None else "is not an object"
        raise BadInput(f"{part}: it {what}", part)
    value = parent.get(field)
    if not isinstance(value, str):
        what = "is missing" if value is None else f"{value!r:.40} is not text"
        raise BadInput(f"{part}.{field}: {what}", f"{part}.{field}")
    text = value.replace("\0", "\N{REPLACEMENT CHARACTER}").strip()
    if not text and not may_be_empty:
        raise BadInput(f"{part}.{field}: it is empty", f"{part}.{field}")
    return text


def _key(text: str) -> str:
    """A name that the log's indexes can hold; what is cut off becomes a digest."""
    data = text.encode(errors="replace")
    if len(data) <= LONGEST_KEY_BYTES:
        return data.decode()
    digest = blake2b(data, digest_size=NAME_DIGEST_BYTES).hexdigest()
    shown = data[: LONGEST_KEY_BYTES - len(digest) - 1].decode(errors="ignore")
    return f"{shown}~{digest}"
