"""The tools: what each takes, answers and needs. MCP and the chat offer the same ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from runlore.assistant.actions.advice import find_advice
from runlore.assistant.actions.causes import explain_failures
from runlore.assistant.actions.context import ToolContext
from runlore.assistant.actions.forecasts import forecast
from runlore.assistant.actions.oddities import find_oddities
from runlore.assistant.actions.predictions import predict_duration, predict_failure
from runlore.assistant.actions.recording import record_outcome
from runlore.assistant.actions.runs import look_up_runs
from runlore.assistant.rules.arguments import (
    AdviceArguments,
    Arguments,
    CauseArguments,
    DurationArguments,
    ForecastArguments,
    OddArguments,
    RecordArguments,
    RunArguments,
    WorkArguments,
)
from runlore.assistant.rules.figures import ToolAnswer
from runlore.kernel.errors import BadInput, NotFound

ToolScope = Literal["predict", "record", "read"]


@dataclass(frozen=True)
class Tool:
    """scope: what an API key must allow. is_writing: it changes what is recorded of runs."""

    name: str
    description: str
    arguments: type[Arguments]
    action: Callable[[ToolContext, Any], ToolAnswer]
    scope: ToolScope = "read"
    is_writing: bool = False


TOOLS: tuple[Tool, ...] = (
    Tool(
        "predict_failure",
        "Will this run fail, and why? Probability, reasons, like runs.",
        WorkArguments,
        predict_failure,
        "predict",
    ),
    Tool(
        "predict_duration",
        "How long will it take; what limit (quantile) to set?",
        DurationArguments,
        predict_duration,
        "predict",
    ),
    Tool(
        "look_up_runs",
        "What happened to run `id`, what was like it? Without id: counts and newest runs.",
        RunArguments,
        look_up_runs,
    ),
    Tool(
        "why_failed",
        "Why did failures rise, or run `id` fail? A cause, or that it is not known.",
        CauseArguments,
        explain_failures,
    ),
    Tool(
        "whats_odd",
        "What is odd now? Incidents, alerts, health.",
        OddArguments,
        find_oddities,
    ),
    Tool(
        "forecast",
        "Forecast a metric, or when it reaches a value.",
        ForecastArguments,
        forecast,
    ),
    Tool(
        "what_helps",
        "What would help? Recommendations that held, with effect.",
        AdviceArguments,
        find_advice,
    ),
    Tool(
        "record_outcome",
        "Record how a run ended. Only when the person asks.",
        RecordArguments,
        record_outcome,
        "record",
        is_writing=True,
    ),
)
BY_NAME = {tool.name: tool for tool in TOOLS}


def find_tool(name: str) -> Tool:
    """Raises NotFound, which lists the tools that there are."""
    if name not in BY_NAME:
        raise NotFound(f"there is no tool {name[:80]!r}; the tools are: {', '.join(BY_NAME)}")
    return BY_NAME[name]


def call_tool(context: ToolContext, tool: Tool, arguments: Mapping[str, Any]) -> ToolAnswer:
    """Raises BadInput for arguments that do not fit, and what the tool raises."""
    try:
        asked = tool.arguments.model_validate(dict(arguments))
    except ValidationError as error:
        raise _bad_input(tool, error) from error
    return tool.action(context, asked)


def _bad_input(tool: Tool, error: ValidationError) -> BadInput:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in fault["loc"])[:80]
    if fault["type"] == "extra_forbidden":
        known = ", ".join(tool.arguments.model_fields)
        return BadInput(f"{name}: {tool.name} takes no such argument; it takes: {known}", name)
    if fault["type"] == "missing":
        return BadInput(f"{name}: {tool.name} needs it; ask the person for it", name)
    return BadInput(f"{name or 'arguments'}: {fault['msg']}", name)
