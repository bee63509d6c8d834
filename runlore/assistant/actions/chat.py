"""A question in words: a language model answers it by the tools, or templates do."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from runlore.assistant.actions.chat_model import (
    LONGEST_ANSWER,
    ModelCall,
    ModelReply,
    converse,
    person_message,
)
from runlore.assistant.actions.documents import answer_document, error_text
from runlore.assistant.actions.tools import TOOLS, Tool, find_tool
from runlore.assistant.rules.figures import ToolAnswer
from runlore.assistant.rules.intents import EXAMPLES, Intent, list_examples, read_intent
from runlore.assistant.rules.log_text import clean
from runlore.kernel.errors import Refused
from runlore.language_model import ChatEndpoint, ChatUnavailable

UNCONNECTED = "No language model is connected; this is answered by a template."
MOST_LINES = 8
RunByName = Callable[[Tool, Mapping[str, Any]], Awaitable[ToolAnswer]]


@dataclass(frozen=True)
class ChatTurn:
    role: str
    content: str


@dataclass(frozen=True)
class ChatQuestion:
    """person: who asks; empty: nobody knows. earlier: turns before this one, the oldest first.

    may_record: the request says that outcomes may be recorded, and its key allows it.
    """

    message: str
    at: datetime
    person: str = ""
    earlier: Sequence[ChatTurn] = ()
    may_record: bool = False


@dataclass(frozen=True)
class ChatReply:
    """model: that answered; None: a template did. note: what to know of the answer; empty: nothing.

    intent: of a template; None: a model answered, or nothing fits.
    """

    answer: str
    model: str | None
    intent: str | None
    note: str
    calls: Sequence[ModelCall]
    truncated: Sequence[str]


async def ask(
    question: ChatQuestion,
    run_tool: RunByName,
    endpoint: ChatEndpoint | None,
    client: httpx.AsyncClient | None,
    model_s: float = 60.0,
) -> ChatReply:
    """endpoint: of a language model; None: a template answers, as where the model does not.

    model_s: the time of the model with all its calls.
    """

    async def call(name: str, arguments: Mapping[str, Any]) -> ModelCall:
        return await _call(question, run_tool, name, arguments)

    if endpoint is None or client is None:
        return await _by_template(question, call, UNCONNECTED)
    tools = [tool for tool in TOOLS if question.may_record or not tool.is_writing]
    messages = [
        *person_message(question.person),
        *({"role": one.role, "content": one.content} for one in question.earlier),
        {"role": "user", "content": question.message},
    ]
    try:
        async with asyncio.timeout(model_s):
            reply = await converse(client, endpoint, messages, tools, call)
    except TimeoutError:
        late = f"The language model did not finish within {model_s:g} s; a template answers."
        return await _by_template(question, call, late)
    except ChatUnavailable as error:
        return await _by_template(question, call, f"{clean(str(error))}; a template answers.")
    return _of_model(endpoint, reply)


async def _call(
    question: ChatQuestion, run_tool: RunByName, name: str, arguments: Mapping[str, Any]
) -> ModelCall:
    try:
        tool = find_tool(name)
        if tool.is_writing and not question.may_record:
            raise Refused(
                f"{name}: this request may not record; send allow_record and a key with the scope"
                " 'record'"
            )
        document = answer_document(await run_tool(tool, arguments))
    except Exception as error:  # noqa: BLE001  (the edge: whoever asks gets every error)
        return ModelCall(name, _shown(arguments), None, error_text(error))
    return ModelCall(name, _shown(arguments), document)


def _shown(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """As the reply shows them: a caller may have sent anything."""
    text = json.dumps(arguments, default=str)
    shown: Mapping[str, Any] = json.loads(text) if len(text) <= 2_000 else {"cut": clean(text)}
    return shown


def _of_model(endpoint: ChatEndpoint, reply: ModelReply) -> ChatReply:
    notes = [f"Answered by the language model {clean(endpoint.model, 80)}; check it by the calls."]
    truncated = _truncated(reply.calls)
    text = reply.text
    if reply.is_cut:
        notes.append("It was stopped: it wanted more rounds, calls or words than it may have.")
        truncated.append("truncated: the language model was stopped at its bounds")
    if len(text) > LONGEST_ANSWER:
        text = f"{text[:LONGEST_ANSWER]}…"
    if not text:
        found = [str(one.result["answer"]) for one in reply.calls if one.result]
        text = " ".join(found) or "The language model gave no answer."
        notes.append("It gave no answer in words; these are the answers of the tools.")
    return ChatReply(text, endpoint.model, None, " ".join(notes), reply.calls, truncated)


async def _by_template(
    question: ChatQuestion,
    call: Callable[[str, Mapping[str, Any]], Awaitable[ModelCall]],
    note: str,
) -> ChatReply:
    intent = read_intent(question.message, question.person)
    if intent is None:
        examples = "\n".join(f"- {one}" for one in list_examples())
        text = f"I do not understand this question. I can answer:\n{examples}"
        return ChatReply(text, None, None, note, (), ())
    if intent.missing:
        return ChatReply(_ask_for(intent), None, intent.name, note, (), ())
    done = await call(intent.tool, intent.arguments)
    text = f"I cannot answer: {done.error}" if done.result is None else _words(done.result)
    return ChatReply(text, None, intent.name, note, (done,), _truncated((done,)))


def _ask_for(intent: Intent) -> str:
    return f"I need {' and '.join(intent.missing)}. Ask like this: {EXAMPLES[intent.name]}"


def _words(document: Mapping[str, Any]) -> str:
    """The sentences of an answer, its first rows, and what was cut."""
    rows = document["rows"]
    lines = [f"- {_line(row)}" for row in rows[:MOST_LINES]]
    if len(rows) > MOST_LINES:
        lines.append(f"- truncated: {len(rows) - MOST_LINES} more lines are in `calls`")
    return "\n".join([document["answer"], *lines, *document["truncated"]])


def _line(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_cell(value)}" for name, value in row.items() if value is not None)


def _cell(value: Any) -> str:  # noqa: ANN401  (JSON)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _truncated(calls: Sequence[ModelCall]) -> list[str]:
    return [note for one in calls if one.result for note in one.result["truncated"]]
