"""The newest answers and refusals, and one of them with what led to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import (
    address,
    number_filter,
    since_filter,
    text_filter,
    until_filter,
)
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from bentos.console.ledger.answers import answer_text, bundle_of, question_of
from runlore.kernel import instants
from runlore.kernel.errors import BadInput, NotFound
from runlore.kernel.readable import readable_number
from runlore.serving.actions import execution_story, prediction, recording
from runlore.serving.queries import ledger_pages
from runlore.serving.queries.ledger_pages import LedgerEntry, Place
from runlore.serving.queries.ledger_query import LedgerQuery
from runlore.specs.model_spec import Probability, Quantity

PATH = "/console/ledger"
ROWS = 50
ARMS = ("champion", "champion-batch", "challenger", "shadow", "batch")
FILTER_NAMES = ("spec", "version", "arm", "status", "execution", "since", "until")


@dataclass(frozen=True)
class FeatureValue:
    """A feature of one answer. usual: of the training rows."""

    name: str
    value: str
    usual: str


def show_ledger(request: PageRequest) -> Shown:
    query = _query(request.query)
    page = ledger_pages.newest(request.store, query, ROWS, _place(request.query))
    filters = {name: request.query.get(name, "") for name in FILTER_NAMES}
    older = ""
    if page.next is not None:
        older = address(PATH, filters, before=f"{page.next[0].isoformat()}_{page.next[1]}")
    units = {entry.spec: _unit(question_of(request, entry.spec)) for entry in page.entries}
    values = {
        "entries": page.entries,
        "units": units,
        "filters": filters,
        "is_filtered": any(filters.values()),
        "is_first": "before" not in request.query,
        "older": older,
        "refusals": sum(entry.status != 200 for entry in page.entries),
        "spec_names": [spec.name for spec in request.specs],
        "arms": ARMS,
        "chart": _chart(page.entries, units) if query.spec else None,
    }
    return Shown("ledger/ledger.html", values)


def show_answer(request: PageRequest) -> Shown:
    row = prediction.read_prediction(request.store, _prediction_id(request.path["id"]))
    answer = answer_text(request, row)
    asked = row["request"] if isinstance(row["request"], dict) else {}
    inputs = asked.get("inputs")
    values = {
        "answer": answer,
        "row": row,
        "asked": {name: asked.get(name) for name in ("actor", "kind", "scope") if name in asked},
        "inputs": inputs if isinstance(inputs, dict) else {},
        "body": asked.get("body"),
        "features": _features(request, row),
        **_outcome(request, row, answer.question),
    }
    return Shown("ledger/answer.html", values)


def _outcome(
    request: PageRequest, row: Mapping[str, Any], question: Probability | Quantity | None
) -> dict[str, Any]:
    """The newest fact of the execution that the answer is about, and its value of the question."""
    if row["source_id"] is None:
        return {"fact": None, "actual": None}
    try:
        facts = recording.read_execution(request.store, row["source"], row["source_id"])
    except NotFound:
        return {"fact": None, "actual": None}
    fact = facts[-1]
    of = question.of if question else ""
    [actual] = execution_story.outcome_values([fact], of) if of else [None]
    return {"fact": fact, "actual": actual}


def _features(request: PageRequest, row: Mapping[str, Any]) -> list[FeatureValue]:
    """With their names, while the version answers here; none else."""
    bundle, values = bundle_of(request, row), row["features"]
    if bundle is None or values is None or len(values) != len(bundle.plan.names):
        return []
    words = {vocabulary.name: vocabulary.words for vocabulary in bundle.plan.categories}
    rows = zip(bundle.plan.names, values, bundle.reference.tolist(), strict=True)
    return [
        FeatureValue(name, _shown(value, words.get(name)), _shown(usual, words.get(name)))
        for name, value, usual in rows
    ]


def _shown(value: float, words: tuple[str, ...] | None) -> str:
    """A number; of a category, its word."""
    if words is not None and 0 <= value < len(words):
        return words[int(value)]
    return "unknown" if words is not None else readable_number(value)


def _chart(entries: list[LedgerEntry], units: Mapping[str, str]) -> Chart | None:
    """The answers of the page over time."""
    known = [entry for entry in entries[::-1] if entry.prediction is not None]
    if len({entry.at for entry in known}) < 2:
        return None
    unit = units[known[0].spec]
    has_interval = all(entry.low is not None for entry in known)
    series = ChartSeries(
        known[0].spec,
        [entry.at for entry in known],
        [entry.prediction for entry in known],
        [entry.low for entry in known] if has_interval else (),
        [entry.high for entry in known] if has_interval else (),
        "points",
    )
    title = "What was answered?"
    return Chart(title, "answered", unit, (series,), is_percent=unit == "probability")


def _unit(question: Probability | Quantity | None) -> str:
    if question is None:
        return ""
    return question.unit if isinstance(question, Quantity) else "probability"


def _query(query: Mapping[str, str]) -> LedgerQuery:
    return LedgerQuery(
        spec=text_filter(query, "spec"),
        version=text_filter(query, "version"),
        arm=text_filter(query, "arm"),
        status=number_filter(query, "status", 599),
        source_id=text_filter(query, "execution"),
        since=since_filter(query),
        until=until_filter(query),
    )


def _place(query: Mapping[str, str]) -> Place | None:
    text = text_filter(query, "before")
    if text is None:
        return None
    at, _, number = text.rpartition("_")
    return instants.parse(at, "before"), _prediction_id(number)


def _prediction_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise BadInput(f"id: {text[:80]!r} is not the id of an answer", "id") from error


PAGE = ConsolePage(
    "Ledger",
    60,
    PATH,
    (
        PageRoute("GET", PATH, show_ledger),
        PageRoute("GET", f"{PATH}/{{id}}", show_answer),
    ),
)
