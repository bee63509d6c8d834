"""The questions that are understood without a language model, and the tool that answers each.

Only what the person wrote is read here, never text of a log.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runlore.assistant.rules.log_text import clean

LONGEST_MESSAGE = 4_000
NAME = r"(?:\"[^\"]+\"|'[^']+'|«[^»]+»|`[^`]+`|[\w@][\w./:@+#-]*)"
QUOTED = "\"'«»`"
NO_NAME = {"a", "an", "any", "it", "my", "our", "runs", "run", "that", "the", "this"} | {
    "anything", "everything", "jobs", "job", "now", "user", "host", "scope", "kind",
}  # fmt: skip
SLOTS = {
    "actor": rf"\b(?:by|actor|user)\s+({NAME})",
    "kind": rf"\b(?:kind|job|of kind)\s+({NAME})",
    "scope": rf"\b(?:on|scope|host|in project|project)\s+({NAME})",
    "source": rf"\b(?:source|from)\s+({NAME})",
    "since": r"\bsince\s+(\d{4}-\d\d-\d\d\S*)",
    "until": r"\buntil\s+(\d{4}-\d\d-\d\d\S*)",
}
INPUT = re.compile(r"\b([A-Za-z_][\w.-]*)=(\"[^\"]*\"|[^\s,;?]+)")
EXAMPLES: Mapping[str, str] = {
    "failure": "Will build by ann on web-3 fail with nodes=4?",
    "duration": "How long will build by ann take with nodes=4?",
    "limit": "What limit should build by ann have?",
    "run": "What happened to run b-17?",
    "failures": "What failed by ann since 2026-11-01?",
    "why": "Why did backup on web-3 fail?",
    "odd": "What is odd now on web-3?",
    "health": "How healthy is everything?",
    "forecast": "Forecast load on web-3 for 48 hours.",
    "reach": "When does disk_used on web-3 reach 90?",
    "help": "What would help on web-3?",
    "stats": "How many runs of kind build do you know?",
    "record": "Record run b-17 as failed.",
}


@dataclass(frozen=True)
class Intent:
    """missing: arguments that the question lacks; the tool cannot be called without."""

    name: str
    tool: str
    arguments: Mapping[str, Any]
    missing: tuple[str, ...] = ()


def read_intent(message: str, person: str = "") -> Intent | None:
    """The first intent that fits a message; None: none does.

    person: who asks; "my" work is theirs.

    >>> read_intent("Will etl by ann fail?").arguments
    {'actor': 'ann', 'kind': 'etl'}
    >>> read_intent("When does disk_used on web-3 reach 90?").arguments
    {'scope': 'web-3', 'series': 'disk_used', 'reaches': 90.0}
    >>> read_intent("Write me a poem")
    """
    text = clean(message.replace("«", '"').replace("»", '"'), LONGEST_MESSAGE)
    return next((found for read in READERS if (found := read(text, person))), None)


def _slots(text: str, *names: str) -> dict[str, Any]:
    found = {}
    for name in names:
        for match in re.finditer(SLOTS[name], text, re.IGNORECASE):
            value = _plain(match[1])
            if value.lower() not in NO_NAME:
                found[name] = _instant(value) if name in {"since", "until"} else value
                break
    return found


def _plain(text: str) -> str:
    """Without quotes, and without the point that ends a sentence."""
    inner = text.strip(QUOTED)
    return inner if inner != text else text.rstrip(".,:;?!")


def _instant(text: str) -> str:
    """A day, or an instant without a zone, is meant in UTC."""
    if len(text) == len("2026-11-01"):
        return f"{text}T00:00:00Z"
    return text if re.search(r"(?:Z|[+-]\d\d:?\d\d)$", text) else f"{text}Z"


def _inputs(text: str) -> dict[str, Any]:
    return {name: _value(value.strip('"')) for name, value in INPUT.findall(text)}


def _value(text: str) -> str | float | bool:
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        return text.rstrip(".,:;?!")


def _work(text: str, person: str, verb: str) -> dict[str, Any]:
    """What a prediction takes: the kind is named by itself, or before the verb."""
    asked = _slots(text, "actor", "kind", "scope")
    if "kind" not in asked:
        pattern = rf"\b{verb}\s+(?:the\s+|a\s+|an\s+|my\s+|this\s+)*({NAME})"
        match = re.search(pattern, text, re.IGNORECASE)
        if match and _plain(match[1]).lower() not in NO_NAME:
            asked["kind"] = _plain(match[1])
    if "actor" not in asked and person:
        asked["actor"] = person
    inputs = _inputs(text)
    return asked | ({"inputs": inputs} if inputs else {})


def _missing(asked: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name not in asked)


def _record(text: str, person: str) -> Intent | None:
    ends = r"(succeeded|failed|cancelled|partial)"
    match = re.match(rf"record\s+(?:run\s+)?({NAME})\s+(?:as\s+|has\s+)?{ends}", text, re.I)
    if match is None:
        return None
    asked = {"id": _plain(match[1]), "status": match[2].lower()}
    return Intent("record", "record_outcome", asked)


def _failure(text: str, person: str) -> Intent | None:
    if not re.search(r"\b(?:will|would|might)\b.*\bfail|\brisk\b|\blikely\b.*\bfail", text, re.I):
        return None
    asked = _work(text, person, r"(?:will|would|might|risk of|likely is)")
    return Intent("failure", "predict_failure", asked, _missing(asked, "actor", "kind"))


def _duration(text: str, person: str) -> Intent | None:
    is_limit = re.search(r"\b(?:time|memory|what)\s+limit\b|\blimit\s+(?:for|should)\b", text, re.I)
    if not is_limit and not re.search(r"\bhow long\b|\bhow much memory\b", text, re.I):
        return None
    verb = r"(?:will|does|do|would|should|for|limit should|memory will)"
    asked = _work(text, person, verb)
    if re.search(r"\bmemory\b", text, re.I):
        asked["spec"] = "peak-memory"
    if share := re.search(r"\b(\d\d(?:\.\d+)?)\s*%", text):
        asked["level"] = float(share[1]) / 100
    name = "limit" if is_limit else "duration"
    return Intent(name, "predict_duration", asked, _missing(asked, "actor", "kind"))


def _run(text: str, person: str) -> Intent | None:
    begin = r"(?:what happened (?:to|with|in)|tell me about|how did|what was like|story of)"
    match = re.search(
        rf"\b{begin}\s+(?:the\s+)?(?:run\s+|job\s+|execution\s+)?({NAME})", text, re.I
    )
    if match is None or _plain(match[1]).lower() in NO_NAME:
        return None
    asked = {"id": _plain(match[1]), **_slots(text, "source")}
    return Intent("run", "look_up_runs", asked)


def _why(text: str, person: str) -> Intent | None:
    """A run if it is called one; else a kind."""
    match = re.search(
        rf"\bwhy (?:did|do|does|have|has)\s+(?:the\s+)?(run\s+|job\s+)?({NAME})", text, re.I
    )
    if match is None and not re.search(r"\bwhy\b", text, re.I):
        return None
    asked = _slots(text, "kind", "scope", "since", "until")
    name = _plain(match[2]) if match else ""
    if match and match[1]:
        asked = {"id": name}
    elif name and name.lower() not in NO_NAME | {"failures", "things", "so", "more"}:
        asked.setdefault("kind", name)
    return Intent("why", "why_failed", asked)


def _failures(text: str, person: str) -> Intent | None:
    if not re.search(r"\bfail(?:ed|s|ures?|ing)?\b", text, re.I):
        return None
    asked = _slots(text, "actor", "kind", "scope", "since", "until")
    is_rate = re.search(r"\bhow (?:often|many)\b|\brate\b", text, re.I)
    return Intent("failures", "look_up_runs", asked | ({} if is_rate else {"status": "failed"}))


def _odd(text: str, person: str) -> Intent | None:
    words = r"\b(?:odd|unusual|anomal\w*|incidents?|alerts?|wrong|strange|problems?|broken)\b"
    if not re.search(words, text, re.I):
        return None
    return Intent("odd", "whats_odd", _slots(text, "scope"))


def _health(text: str, person: str) -> Intent | None:
    match = re.search(rf"\bhealth(?:y)?\b(?:\s+(?:is|of|are)\s+({NAME}))?", text, re.I)
    if match is None:
        return None
    asked = _slots(text, "scope")
    named = _plain(match[1] or "")
    if not asked and named and named.lower() not in NO_NAME | {"system", "all", "things"}:
        asked = {"scope": named}
    return Intent("health", "whats_odd", asked)


def _reach(text: str, person: str) -> Intent | None:
    verb = r"(reach|cross|exceed|hit|fall below|below)\w*\s+(-?\d+(?:\.\d+)?)"
    pattern = rf"\bwhen\s+(?:does|will|is)\s+(?:the\s+)?({NAME}).*?\b{verb}"
    match = re.search(pattern, text, re.I)
    if match is None:
        return None
    asked = {**_slots(text, "scope"), "series": _plain(match[1]), "reaches": float(match[3])}
    below = {"side": "below"} if "below" in match[2].lower() else {}
    return Intent("reach", "forecast", asked | below)


def _forecast(text: str, person: str) -> Intent | None:
    match = re.search(rf"\bforecast(?:\s+of)?(?:\s+the)?(?:\s+({NAME}))?", text, re.I)
    if match is None:
        return None
    asked = _slots(text, "scope")
    if of := re.search(rf"\bof\s+({NAME})", text):
        asked.setdefault("scope", _plain(of[1]))
    if match[1] and _plain(match[1]).lower() not in NO_NAME | {"for", "on"}:
        asked["series"] = _plain(match[1])
        if asked.get("scope") == asked["series"]:
            del asked["scope"]
    if far := re.search(r"\b(\d+(?:\.\d+)?)\s*(hours?|h|days?|d|weeks?)\b", text, re.I):
        unit = {"h": 1, "d": 24, "w": 168}[far[2][0].lower()]
        asked["hours"] = float(far[1]) * unit
    return Intent("forecast", "forecast", asked)


def _help(text: str, person: str) -> Intent | None:
    words = r"\bhelps?\b|\brecommend\w*|\badvice\b|\badvise\b|\bimprove\b|\bsuggest\w*"
    if not re.search(words, text, re.I):
        return None
    return Intent("help", "what_helps", _slots(text, "actor", "kind", "scope"))


def _stats(text: str, person: str) -> Intent | None:
    words = r"\bstat(?:s|istics)\b|\bhow many\b|\bhow much do you know\b|\boverview\b"
    if not re.search(words, text, re.I):
        return None
    return Intent("stats", "look_up_runs", _slots(text, "actor", "kind", "scope", "since", "until"))


READERS: tuple[Callable[[str, str], Intent | None], ...] = (
    _record, _reach, _forecast, _run, _why, _failure, _duration, _failures, _health, _odd, _help,
    _stats,
)  # fmt: skip


def list_examples() -> Iterator[str]:
    yield from EXAMPLES.values()
