"""Advice: what to do otherwise, follow or dismiss it, and what came of it."""

from collections.abc import Mapping
from functools import partial

from bentos.console.frame.filters import address
from bentos.console.frame.page import ConsolePage, Moved, PageRequest, PageRoute, Shown
from runlore.advice.actions import recommending
from runlore.advice.actions.recommending import PersonDecision, SubjectAdvice, subject_advice
from runlore.advice.actions.track_record import track_record, withdrawn_kinds
from runlore.advice.recommendation_views import record_text, show_entry, show_subject
from runlore.advice.rules.recommendations.searching import Subject
from runlore.kernel.errors import BadInput

PATH = "/console/advice"
LONGEST, LISTED = 1_024, 50
SUBJECTS: tuple[Subject, ...] = ("actor", "kind", "scope")


def show_advice(request: PageRequest) -> Shown:
    subject = _subject(request.query)
    records = track_record(request.store, request.at)
    gone = withdrawn_kinds(request.store, request.at)
    answer = None
    if subject is None:
        rows = recommending.list_advice(request.store, request.at)
    else:
        made = subject_advice(request.store, subject, request.at)
        answer, rows = show_subject(made, records), list(made.advice)
    entries = [show_entry(one, records, gone) for one in rows[:LISTED]]
    values = {
        "entries": [(one, _link(one.subject_type, one.subject)) for one in entries],
        "open": sum(one.state == "open" for one in entries),
        "is_cut": len(rows) > LISTED,
        "records": [(one, record_text(one)) for one in records],
        "subject": subject,
        "answer": answer,
        "types": SUBJECTS,
    }
    return Shown("advice/advice.html", values)


def search(request: PageRequest) -> Moved:
    subject = _subject(request.form)
    if subject is None:
        raise BadInput("name: name an actor, a kind or a scope", "name")
    made = recommending.recommend(request.store, subject, request.actor(), request.at)
    return Moved(_link(*subject), _notice(made))


def decide(decision: PersonDecision, request: PageRequest) -> Moved:
    subject, number = _subject(request.form), request.number("id")
    reason = request.form.get("reason", "")[:500]
    recommending.decide(request.store, number, decision, request.actor(), reason, request.at)
    return Moved(_link(*subject) if subject else PATH, f"Advice {number}: {decision}.")


def _notice(made: SubjectAdvice) -> str:
    count = len(made.holding)
    if not count:
        return f"No advice: {show_subject(made, ()).reason}."
    return "1 piece of advice holds now." if count == 1 else f"{count} pieces of advice hold now."


def _subject(fields: Mapping[str, str]) -> tuple[Subject, str] | None:
    name = fields.get("name", "")[:LONGEST]
    if not name:
        return None
    kind = fields.get("type", "actor")
    for one in SUBJECTS:
        if one == kind and "\x00" not in name:
            return one, name
    raise BadInput(f"type: {kind[:80]!r} is none of {', '.join(SUBJECTS)}", "type")


def _link(kind: str, name: str) -> str:
    return address(PATH, {"type": kind, "name": name})


PAGE = ConsolePage(
    "Advice",
    90,
    PATH,
    (
        PageRoute("GET", PATH, show_advice),
        PageRoute("POST", f"{PATH}/search", search, "record"),
        PageRoute("POST", f"{PATH}/{{id}}/follow", partial(decide, "follow"), "record"),
        PageRoute("POST", f"{PATH}/{{id}}/dismiss", partial(decide, "dismiss"), "record"),
    ),
    group="Advice",
)
