"""Record what came of a run."""

from collections.abc import Mapping

from runlore.assistant.actions.context import ToolContext
from runlore.assistant.rules.arguments import RecordArguments
from runlore.assistant.rules.figures import ToolAnswer
from runlore.assistant.rules.log_text import quote
from runlore.kernel.errors import BadInput
from runlore.records.execution import ExecutionStatus, Scalar
from runlore.serving.actions import recording
from runlore.serving.actions.recording import SOURCE, OutcomeReport, Submission


def record_outcome(context: ToolContext, asked: RecordArguments) -> ToolAnswer:
    """Record the run first, if it comes with actor and kind."""
    if (asked.actor is None) != (asked.kind is None):
        field = "kind" if asked.kind is None else "actor"
        raise BadInput(f"{field}: a new run needs both actor and kind", field)
    if asked.actor is not None and asked.kind is not None:
        submission = Submission(
            asked.actor,
            asked.kind,
            asked.scope,
            _scalars(asked.inputs),
            source_id=asked.id,
            submitted=asked.submitted,
            key_id=context.key_id,
        )
        recording.record_submission(context.store, submission, None, context.bounds)
    ending = OutcomeReport(
        ExecutionStatus(asked.status),
        asked.started,
        asked.finished,
        None if asked.outcome is None else _scalars(asked.outcome),
        context.key_id,
        submitted=asked.submitted,
        is_correction=asked.correction,
    )
    done = recording.record_outcome(context.store, SOURCE, asked.id, ending, None, context.bounds)
    how = "is recorded" if done.is_new else "was known before"
    row = {
        "id": quote(done.source_id),
        "source": done.source,
        "status": str(done.status),
        "submitted": done.submitted,
        "known_at": done.known_at,
        "revision": done.revision,
        "is_new": done.is_new,
    }
    text = f"Run {quote(done.source_id)} {how} as {done.status}."
    return ToolAnswer(text, done.known_at, (), [row])


def _scalars(values: Mapping[str, str | float | bool]) -> dict[str, Scalar]:
    return dict(values)
