"""What would help a post: the suggestions that hold on the posts of its persona."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from runlore.agents.builtin.task_kind import BuiltinContext, TaskRequest
from runlore.engagement.actions.suggesting import SuggestionRequest, search_post, suggest
from runlore.engagement.suggestion_views import SuggestionsView, show_suggestions

Name = Annotated[str, Field(min_length=1, max_length=1_024, pattern=r"^[^\x00]+$")]


class OptimizationRequest(TaskRequest):
    """record: keep what holds on the ledger of advice, where it is scored later."""

    context_id: Name
    source: Name | None = None
    target_score: Annotated[float, Field(ge=0, le=100)] | None = None
    as_of: AwareDatetime | None = None
    record: bool = False


def optimize_content(request: OptimizationRequest, context: BuiltinContext) -> SuggestionsView:
    """Raises NotFound for an unknown post."""
    at: datetime = request.as_of or context.at
    wanted = SuggestionRequest(request.context_id, at, request.source, request.target_score)
    if request.record:
        search_post(context.store, wanted, context.agent)
    return show_suggestions(suggest(context.store, wanted))
