"""What happened to a run, and what was like it; or how runs of an actor, kind or scope went."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from runlore.assistant.actions.context import ToolContext
from runlore.assistant.queries.runs import RunCounts, RunQuery, RunRow, count_runs, list_runs
from runlore.assistant.rules.arguments import RunArguments, now_unless
from runlore.assistant.rules.figures import Figure, ToolAnswer, cut_note, share_figure
from runlore.assistant.rules.log_text import quote, quote_values
from runlore.kernel.errors import NotFound, Stalled
from runlore.kernel.readable import readable_duration, readable_share
from runlore.serving.queries import ledger_pages

LIKE_ONES, MOST_ANSWERS, MOST_FAILURES, MOST_FIGURES = 5, 10, 5, 4
UNCOUNTED = "truncated: like runs could not be read in time; ask with actor, kind and since"
SEVERAL = (
    "truncated: the id stands for several runs, the newest is shown; name source, since or until"
)


def look_up_runs(context: ToolContext, asked: RunArguments) -> ToolAnswer:
    """With an id that run, else all that match. Raises NotFound for an unknown id."""
    as_of = now_unless(asked.as_of, context.now)
    query = RunQuery(
        as_of,
        asked.id,
        asked.source,
        asked.actor,
        asked.kind,
        asked.scope,
        asked.since,
        asked.until,
        asked.status,
    )
    return _many(context, asked, query) if asked.id is None else _one(context, query)


def _many(context: ToolContext, asked: RunArguments, query: RunQuery) -> ToolAnswer:
    counts = count_runs(context.store, query)
    skipped = (asked.page - 1) * asked.limit
    rows = list_runs(context.store, query, asked.limit, skipped)
    listed = [_row(one) for one in rows]
    shown = skipped + len(rows)
    notes = list(
        cut_note("runs", len(rows), counts.matching if shown < counts.matching else 0, _more(asked))
    )
    extra = _failures(context, query, rows, counts)
    listed += [{"besides": "a newest failure", **_row(one)} for one in extra]
    if asked.status is None:
        seen = sum(one.status == "failed" for one in (*rows, *extra))
        notes += cut_note("failures", seen, counts.failed, 'ask with status="failed"')
    return ToolAnswer(
        _conclude(query, counts), query.as_of, _figures(counts, query.as_of), listed, notes
    )


def _more(asked: RunArguments) -> str:
    return f"ask with page={asked.page + 1}, or limit up to 50"


def _failures(
    context: ToolContext, query: RunQuery, rows: Sequence[RunRow], counts: RunCounts
) -> list[RunRow]:
    """The newest failures, which must not be missed behind newer runs."""
    if query.status is not None or not counts.failed:
        return []
    known = {one.seq for one in rows}
    failed = RunQuery(**vars(query) | {"status": "failed"})
    return [one for one in list_runs(context.store, failed, MOST_FAILURES) if one.seq not in known]


def _conclude(query: RunQuery, counts: RunCounts) -> str:
    named = [
        f"{name} {quote(value)}"
        for name in ("actor", "kind", "scope")
        if (value := getattr(query, name)) is not None
    ]
    subject = f"runs of {', '.join(named)}" if named else "runs"
    if not counts.total:
        return f"No {subject} are recorded."
    text = f"{counts.total:,} {subject}, {counts.ended:,} of them ended"
    if counts.ended:
        share = readable_share(counts.failed / counts.ended)
        text += f": {counts.failed:,} failed ({share}), {counts.succeeded:,} succeeded"
    if counts.median is not None:
        text += f"; those that succeeded took {readable_duration(counts.median)} at the median"
    return f"{text}."


def _figures(counts: RunCounts, as_of: datetime) -> list[Figure]:
    figures = [
        Figure("runs", counts.total, "runs", as_of, n=counts.total),
        Figure("failed runs", counts.failed, "runs", as_of, n=counts.ended),
        share_figure("failure rate", counts.failed, counts.ended, as_of),
    ]
    if counts.median is not None:
        figures.append(
            Figure(
                "median duration of succeeded runs",
                counts.median,
                "s",
                as_of,
                counts.low,
                counts.high,
                counts.measured,
            )
        )
    return figures


def _one(context: ToolContext, query: RunQuery) -> ToolAnswer:
    found = list_runs(context.store, query, LIKE_ONES + 1)
    if not found:
        raise NotFound(
            f"run {query.id!r} was not recorded by {query.as_of:%Y-%m-%d %H:%M} UTC; check its id"
            " and source, or search by actor, kind, scope or status"
        )
    run, as_of = found[0], query.as_of
    before = RunQuery(as_of, actor=run.actor, kind=run.kind, until=run.submitted)
    like, counts, late = _like(context, before)
    answers = _answers(context, run, as_of)
    rows = [
        _row(run),
        *(_answer(one) for one in answers[:MOST_ANSWERS]),
        *({"like": True, **_row(one)} for one in like),
    ]
    notes = [*late, *cut_note("like runs", len(like), counts.total, _search(run))]
    if len(answers) > MOST_ANSWERS:
        notes += cut_note("predictions", MOST_ANSWERS, len(answers), "the console has all of them")
    if len(found) > 1:
        notes.append(SEVERAL)
    figures = [*_own_figures(run, answers, as_of), *_figures(counts, as_of)[1:]]
    text = _story(run) if late else f"{_story(run)} {_like_line(counts)}"
    return ToolAnswer(text, as_of, figures, rows, notes)


def _like(
    context: ToolContext, before: RunQuery
) -> tuple[Sequence[RunRow], RunCounts, tuple[str, ...]]:
    """Of a very large log they may not be read in time; the run itself is shown all the same."""
    try:
        return list_runs(context.store, before, LIKE_ONES), count_runs(context.store, before), ()
    except Stalled:
        return (), RunCounts.unknown(), (UNCOUNTED,)


def _own_figures(
    run: RunRow, answers: Sequence[Mapping[str, Any]], as_of: datetime
) -> Iterator[Figure]:
    if run.run_s is not None:
        yield Figure("duration of the run", run.run_s, "s", as_of, n=1)
    for one in answers[:MOST_FIGURES]:
        if one["prediction"] is not None:
            low, high = one["low"], one["high"]
            name, number = f"predicted {one['spec']}", str(one["id"])
            yield Figure(name, one["prediction"], "", one["at"], low, high, None, number)


def _search(run: RunRow) -> str:
    return f"ask with actor={quote(run.actor)} and kind={quote(run.kind)}"


def _story(run: RunRow) -> str:
    text = f"Run {quote(run.source_id)}, {quote(run.kind)} by {quote(run.actor)}: {run.status}"
    if run.run_s is not None:
        text += f" after {readable_duration(run.run_s)}"
    return f"{text}."


def _like_line(counts: RunCounts) -> str:
    if not counts.ended:
        return "No like run has ended before it."
    share = readable_share(counts.failed / counts.ended)
    text = f"Of {counts.ended:,} like runs before it, {counts.failed:,} failed ({share})"
    if counts.median is not None:
        text += f", and those that succeeded took {readable_duration(counts.median)} at the median"
    return f"{text}."


def _answers(context: ToolContext, run: RunRow, as_of: datetime) -> list[Mapping[str, Any]]:
    rows = ledger_pages.of_execution(context.store, run.source, run.source_id, run.submitted)
    return [row for row in rows if row["at"] <= as_of]


def _answer(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("spec", "version", "prediction", "low", "high", "at")
    return {"predicted": True, "id": str(row["id"]), **{name: row[name] for name in names}}


def _row(run: RunRow) -> dict[str, Any]:
    row = {
        "id": quote(run.source_id),
        "source": quote(run.source),
        "actor": quote(run.actor),
        "kind": quote(run.kind),
        "scope": quote(run.scope),
        "status": run.status,
        "submitted": run.submitted,
        "started": run.started,
        "finished": run.finished,
        "duration_s": run.run_s,
        "inputs": quote_values(run.inputs) if run.inputs else None,
        "outcome": quote_values(run.outcome) if run.outcome else None,
    }
    return {name: value for name, value in row.items() if value not in (None, "«»")}
