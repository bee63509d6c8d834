"""Search executions, and tell the story of one: what became known, predicted, and came of it."""

from collections import Counter
from collections.abc import Mapping, Sequence

from bentos.console.executions import open_work, pictures, recent
from bentos.console.executions.rows import JudgedAnswer, ListedExecution
from bentos.console.frame.filters import (
    address,
    number_filter,
    since_filter,
    text_filter,
    until_filter,
)
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from bentos.console.ledger.answers import answer_text
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.records.execution import ExecutionStatus
from runlore.serving.actions import execution_story
from runlore.serving.actions.execution_story import ExecutionStory
from runlore.serving.queries import execution_search
from runlore.serving.queries.execution_search import ExecutionQuery, ExecutionSummary
from runlore.serving.queries.recording import StoredFact

PATH = "/console/executions"
CAUSES = "/console/causes"
FAILED = {ExecutionStatus.FAILED, ExecutionStatus.PARTIAL}
ROWS = 50
MOST_REASONED = 6  # answers of one page whose reasons are computed, as they were not asked for
TEXT_FILTERS = ("actor", "kind", "scope")
DURATION = "duration_s"
TRY_IT = "/console/predict"
LONGEST_SAID, MOST_SAID = 100, 40  # an address holds some thousand characters


def show_executions(request: PageRequest) -> Shown:
    query = _query(request.query)
    page = execution_search.search(request.store, query, ROWS)
    rows = _listed(page.executions)
    shown = {name: request.query.get(name, "") for name in FILTER_NAMES}
    older = address(PATH, shown, before=str(page.next)) if page.next is not None else ""
    values = {
        "rows": rows,
        "counts": Counter(row.execution.status for row in rows).most_common(),
        "filters": shown,
        "is_filtered": any(shown.values()),
        "is_first": query.before is None,
        "older": older,
        "statuses": [str(status) for status in ExecutionStatus],
        "chart": pictures.found(rows),
    }
    return Shown("executions/executions.html", values)


def show_execution(request: PageRequest) -> Shown:
    source, source_id = text_filter(request.query, "source"), text_filter(request.query, "id")
    if source is None or source_id is None:
        raise BadInput("id: the address names no execution; find it at /console/executions", "id")
    submitted = request.query.get("submitted", "").strip()
    at = instants.parse(submitted, "submitted") if submitted else None
    story = execution_story.tell(request.store, source, source_id, at)
    answers = _judged(request, story)
    [took_s] = execution_story.outcome_values([story.newest], DURATION)
    values = {
        "story": story,
        "took_s": took_s,
        "answers": answers,
        "answer_of": {judged.answer.row["id"]: judged.answer for judged in answers},
        "like": _listed(story.like),
        "chart": pictures.like_ones(story, took_s, answers),
        "why": _why(story),
        "try_it": address(TRY_IT, _as_request(story.first)),
        "all_like": address(PATH, {}, actor=story.first.actor, kind=story.first.kind),
    }
    return Shown("executions/execution.html", values)


def _why(story: ExecutionStory) -> str:
    if story.newest.status not in FAILED:
        return ""
    return address(CAUSES, {"execution": story.first.source_id, "source": story.first.source})


def _as_request(fact: StoredFact) -> dict[str, str]:
    """An execution as the address of the form has it; inputs of many characters are left out."""
    inputs = {f"inputs.{name}": str(value) for name, value in fact.inputs.items()}
    said = {**{name: getattr(fact, name) for name in TEXT_FILTERS}, **inputs}
    short = {name: text for name, text in said.items() if len(text) <= LONGEST_SAID}
    return dict(list(short.items())[:MOST_SAID])


def _query(query: Mapping[str, str]) -> ExecutionQuery:
    status = text_filter(query, "status")
    if status is not None and status not in {str(known) for known in ExecutionStatus}:
        known = ", ".join(ExecutionStatus)
        raise BadInput(f"status: {status[:80]!r} is none of {known}", "status")
    return ExecutionQuery(
        source_id=text_filter(query, "id"),
        status=status,
        since=since_filter(query),
        until=until_filter(query),
        before=number_filter(query, "before"),
        actor=text_filter(query, "actor"),
        kind=text_filter(query, "kind"),
        scope=text_filter(query, "scope"),
    )


def _listed(executions: Sequence[ExecutionSummary]) -> list[ListedExecution]:
    lengths = execution_story.outcome_values(executions, DURATION)
    pairs = zip(executions, lengths, strict=True)
    return [ListedExecution(execution, took_s) for execution, took_s in pairs]


def _judged(request: PageRequest, story: ExecutionStory) -> list[JudgedAnswer]:
    """The answers with what came of it; the last ones with reasons."""
    first_reasoned = len(story.answers) - MOST_REASONED
    judged: list[JudgedAnswer] = []
    for at, row in enumerate(story.answers):
        answer = answer_text(request, row, has_reasons=at >= first_reasoned)
        of = answer.question.of if answer.question else ""
        actual: list[float | None] = [None]
        if of:
            actual = execution_story.outcome_values([story.newest], of)
        judged.append(JudgedAnswer(answer, actual[0]))
    return judged


FILTER_NAMES = ("id", *TEXT_FILTERS, "status", "since", "until")
PAGE = ConsolePage(
    "Executions",
    30,
    PATH,
    (
        PageRoute("GET", PATH, show_executions),
        PageRoute("GET", f"{PATH}/one", show_execution),
        PageRoute("GET", f"{PATH}/open", open_work.show_open),
        PageRoute("GET", recent.FAILURES, recent.show_failures),
        PageRoute("GET", recent.COSTS, recent.show_costs),
    ),
)
