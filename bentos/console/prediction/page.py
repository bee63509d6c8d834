"""Try it: ask the champion from a form, see what it does not know, and turn its numbers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from bentos.console.frame.filters import address
from bentos.console.frame.page import ConsolePage, Moved, PageRequest, PageRoute, Shown
from bentos.console.prediction import answering
from bentos.console.prediction.request_form import INPUTS, FormField, form_fields, request_body
from bentos.http.errors import problem
from bentos.predict.live_versions import Live
from runlore.kernel.errors import BadInput
from runlore.reports.rules.version_scores import question_text

PATH = "/console/predict"
TEMPLATE = "prediction/prediction.html"
WHAT_IF = "what_if"
REFUSED = 422
SUPPORT = {
    "good": "Training and the history know this request.",
    "little": "Part of this request is not known.",
    "none": "Nobody like this has been seen: neither the actor, nor the kind, nor the scope.",
}


def first_form(request: PageRequest) -> Moved | Shown:
    """The form of the first spec that has a version."""
    names = [spec.name for spec in request.specs if spec.name in request.serving.live]
    if not names:
        return Shown("prediction/none.html")
    return Moved(address(f"{PATH}/{quote(names[0])}", request.query))


def show_form(request: PageRequest) -> Shown:
    """The form as the address says; where it says nothing, with what was usual in training."""
    live = request.serving.champion(request.path["spec"])
    return Shown(TEMPLATE, _values(request, live, form_fields(live.bundle, request.query)))


def answer_form(request: PageRequest) -> Shown:
    """The answer; what a slider asks is no answer on record."""
    live = request.serving.champion(request.path["spec"])
    is_what_if = request.form.get(WHAT_IF) == "1"
    fields = form_fields(live.bundle, request.form)
    values = _values(request, live, fields)
    try:
        subject = answering.subject_of(request, live.bundle.spec, request_body(fields))
        values["answer"] = answering.answer(request, live, subject, is_recorded=not is_what_if)
    except (BadInput, ValidationError) as error:
        return Shown(TEMPLATE, {**values, "error": problem(error).detail}, status=REFUSED)
    values["is_recorded"] = not is_what_if and request.serving.has_ledger
    if not is_what_if:
        tried = answering.what_if(request, live, subject, fields)
        values["charts"] = [
            answering.chart(one, live.unit, values["answer"].prediction) for one in tried
        ]
    return Shown(TEMPLATE, values)


def _values(request: PageRequest, live: Live, fields: tuple[FormField, ...]) -> dict[str, Any]:
    values: Mapping[str, Any] = {
        "spec": live.bundle.spec,
        "specs": [one.name for one in request.specs if one.name in request.serving.live],
        "question": question_text(live.bundle.question),
        "answering_version": live.bundle.version,
        "unit": live.unit,
        "parts": [field for field in fields if not field.name.startswith(INPUTS)],
        "inputs": [field for field in fields if field.name.startswith(INPUTS)],
        "answer": None,
        "is_recorded": False,
        "error": "",
        "charts": [],
        "support": SUPPORT,
    }
    return dict(values)


PAGE = ConsolePage(
    "Try it",
    50,
    PATH,
    (
        PageRoute("GET", PATH, first_form),
        PageRoute("GET", f"{PATH}/{{spec}}", show_form),
        PageRoute("POST", f"{PATH}/{{spec}}", answer_form, "predict"),
    ),
)
