"""Write a post from a brief: by templates, or by a language model whose text keeps the rules."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from runlore.agents.builtin.task_kind import BuiltinContext, TaskRequest
from runlore.kernel.errors import BadInput, Unavailable
from runlore.language_model import ChatEndpoint, complete_chat

LIMITS: Mapping[str, int] = {
    "x": 280,
    "mastodon": 500,
    "instagram": 2_200,
    "linkedin": 3_000,
    "blog": 20_000,
}
Platform = Literal["x", "mastodon", "instagram", "linkedin", "blog"]
Tone = Literal["plain", "friendly", "formal"]
Phrase = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]+$")]
Tag = Annotated[str, Field(pattern=r"^#?\w{1,60}$")]
Link = Annotated[str, Field(max_length=500, pattern=r"^https?://[!-~]+$")]
MODEL_S = 60.0
OPENINGS: Mapping[Tone, tuple[str, ...]] = {
    "plain": ("{topic}.", "About {topic}:", "{topic}: what to know.", "A note on {topic}."),
    "friendly": (
        "Let's talk about {topic}!",
        "Have a moment for {topic}?",
        "Here is something about {topic}:",
        "{topic}, in short!",
    ),
    "formal": (
        "We would like to inform you about {topic}.",
        "Regarding {topic}:",
        "An overview of {topic}.",
        "The following concerns {topic}.",
    ),
}


class GenerationRequest(TaskRequest):
    """points: what the text says; it says nothing that is not in the brief."""

    topic: Phrase
    points: Annotated[tuple[Phrase, ...], Field(max_length=20)] = ()
    platform: Platform = "linkedin"
    tone: Tone = "plain"
    call_to_action: Phrase | None = None
    link: Link | None = None
    hashtags: Annotated[tuple[Tag, ...], Field(max_length=30)] = ()
    banned_words: Annotated[tuple[Phrase, ...], Field(max_length=200)] = ()
    max_characters: Annotated[int, Field(ge=20, le=20_000)] | None = None
    variants: Annotated[int, Field(ge=1, le=4)] = 1

    @property
    def limit(self) -> int:
        return min(LIMITS[self.platform], self.max_characters or LIMITS[self.platform])


@dataclass(frozen=True)
class WrittenText:
    """left_out: points and hashtags that did not fit."""

    text: str
    characters: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class GeneratedContent:
    """written_by: `templates`, or the name of the model. note: why templates wrote it."""

    variants: tuple[WrittenText, ...]
    limit: int
    written_by: str
    note: str


def generate_content(request: GenerationRequest, context: BuiltinContext) -> GeneratedContent:
    """Raises BadInput where topic, call to action and link alone are too long, or are banned."""
    plain = tuple(_by_template(request, number) for number in range(request.variants))
    made = GeneratedContent(plain, request.limit, "templates", "")
    if context.endpoint is None:
        return replace(made, note="no language model is set")
    try:
        texts = asyncio.run(_by_model(request, context.endpoint))
    except Unavailable as error:
        return replace(made, note=str(error))
    for text in texts:
        fault = _fault(text, request)
        if fault:
            return replace(made, note=f"the model's text was refused: {fault}")
    written = tuple(WrittenText(text, len(text), ()) for text in texts)
    return replace(made, variants=written, written_by=context.endpoint.model)


def _by_template(request: GenerationRequest, number: int) -> WrittenText:
    """The first points and hashtags that fit."""
    topic = request.topic.rstrip(".")
    opening = OPENINGS[request.tone][number].format(topic=topic[:1].upper() + topic[1:])
    if not OPENINGS[request.tone][number].startswith("{topic}"):
        opening = OPENINGS[request.tone][number].format(topic=topic)
    points = [f"- {point}" for point in request.points]
    tags = [f"#{tag.removeprefix('#')}" for tag in request.hashtags]
    ends = [part for part in (request.call_to_action, request.link) if part]
    left_out: list[str] = []
    while len(text := _joined(opening, points, ends, tags)) > request.limit:
        if not (points or tags):
            raise BadInput(
                f"input_data.topic: {len(text)} characters without any point are more than"
                f" {request.limit} on {request.platform}",
                "input_data",
            )
        left_out.append((tags or points).pop().removeprefix("- "))
    fault = _fault(text, request)
    if fault:
        raise BadInput(f"input_data: {fault}", "input_data")
    return WrittenText(text, len(text), tuple(reversed(left_out)))


def _joined(opening: str, points: list[str], ends: list[str], tags: list[str]) -> str:
    parts = [opening, "\n".join(points), *ends, " ".join(tags)]
    return "\n\n".join(part for part in parts if part)


def _fault(text: str, request: GenerationRequest) -> str:
    """Why a text may not be used; empty: it may."""
    if not text:
        return "it is empty"
    if len(text) > request.limit:
        return f"{len(text)} characters are more than {request.limit}"
    lower = text.casefold()
    banned = [word for word in request.banned_words if word.casefold() in lower]
    if banned:
        return f"it has the banned {banned[0]!r}"
    if request.link and request.link not in text:
        return "the link is missing"
    return ""


async def _by_model(request: GenerationRequest, endpoint: ChatEndpoint) -> list[str]:
    import httpx

    brief = request.model_dump_json(exclude={"variants", "max_characters"}, exclude_none=True)
    system = (
        f"Write one post from the brief, at most {request.limit} characters. Say nothing that the"
        " brief does not say. Use no word of banned_words. Give only the text of the post."
    )
    timeout = httpx.Timeout(MODEL_S, connect=5.0)
    texts = []
    async with httpx.AsyncClient(timeout=timeout, follow_redirects=False) as client:
        for number in range(request.variants):
            messages = [
                {"role": "system", "content": system},
                {"role": "user", "content": f"Variant {number + 1}. {brief}"},
            ]
            reply = await complete_chat(client, endpoint, {"messages": messages})
            texts.append(_seen(str(reply.get("content") or "")))
    return texts


def _seen(text: str) -> str:
    """Without characters that are not seen; lines stay."""
    return "".join(char for char in text if char.isprintable() or char == "\n").strip()
