"""Check a text by rules. Each finding names its rule, its place and its reason."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field

from runlore.agents.builtin.task_kind import BuiltinContext, TaskRequest

Rule = Literal["length", "banned", "brand", "claim", "required", "readability", "link", "hashtags"]
Severity = Literal["error", "warning"]
CLAIMS = (
    *("best", "guaranteed", "guarantee", "risk-free", "proven", "cure", "cures", "miracle"),
    *("number one", "#1", "100 %", "100%", "always works", "never fails", "no side effects"),
)
Phrases = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=500)
]
LINK = re.compile(r"\b(?:https?|ftp|javascript|data)://?[^\s<>\"')\]]+", re.IGNORECASE)
HASHTAG = re.compile(r"(?<!\w)#\w+")
SENTENCE = re.compile(r"[.!?]+(?:\s|$)|\n{2,}")
WORD = re.compile(r"[A-Za-z']+")
VOWELS = re.compile(r"[aeiouy]+")
LEAST_WORDS = 20  # for a readability that means something
EXCERPT = 60


class ReviewRequest(TaskRequest):
    """brand_names: as they must be written. claims: words that need `allowed_claims`.

    allowed_hosts: of links; null: any. least_reading_ease: of English; null: not judged.
    """

    text: Annotated[str, Field(max_length=20_000)]
    min_characters: Annotated[int, Field(ge=0)] = 1
    max_characters: Annotated[int, Field(ge=1)] = 3_000
    banned_words: Phrases = ()
    brand_names: Phrases = ()
    required_phrases: Phrases = ()
    claims: Phrases = CLAIMS
    allowed_claims: Phrases = ()
    allowed_hosts: Phrases | None = None
    max_hashtags: Annotated[int, Field(ge=0)] = 30
    least_reading_ease: Annotated[float, Field(ge=-100, le=120)] | None = 30.0


@dataclass(frozen=True)
class ReviewFinding:
    """start, end: characters of the text; null: it is about the whole."""

    rule: Rule
    severity: Severity
    reason: str
    start: int | None = None
    end: int | None = None
    excerpt: str = ""


@dataclass(frozen=True)
class TextMeasures:
    """reading_ease: Flesch, 0 hard to 100 easy; null: fewer than 20 words."""

    characters: int
    words: int
    sentences: int
    links: int
    hashtags: int
    reading_ease: float | None


@dataclass(frozen=True)
class ContentReview:
    """passes: no finding is an error. checked: the rules that were applied."""

    passes: bool
    findings: tuple[ReviewFinding, ...]
    measures: TextMeasures
    checked: tuple[Rule, ...]


def review_content(request: ReviewRequest, _context: BuiltinContext) -> ContentReview:
    measures = measure_text(request.text)
    findings = tuple(
        chain(
            _lengths(request, measures),
            _banned(request),
            _brands(request),
            _claims(request),
            _missing(request),
            _links(request),
        )
    )
    return ContentReview(
        passes=all(one.severity != "error" for one in findings),
        findings=findings,
        measures=measures,
        checked=get_args(Rule),
    )


def measure_text(text: str) -> TextMeasures:
    """Source: Flesch, "A new readability yardstick", 1948; syllables are groups of vowels.

    >>> measure_text("Tea is hot. It is good.").sentences
    2
    """
    plain = LINK.sub(" ", text)
    words = WORD.findall(plain)
    sentences = max(1, len([part for part in SENTENCE.split(plain) if WORD.search(part)]))
    ease = None
    if len(words) >= LEAST_WORDS:
        syllables = sum(_syllables(word.lower()) for word in words)
        ease = 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)
        ease = round(ease, 1)
    links, tags = len(LINK.findall(text)), len(HASHTAG.findall(plain))
    return TextMeasures(len(text), len(words), sentences, links, tags, ease)


def _syllables(word: str) -> int:
    """
    >>> [_syllables(word) for word in ("tea", "simple", "made", "reliable")]
    [1, 2, 1, 3]
    """
    count = len(VOWELS.findall(word))
    if word.endswith("e") and not word.endswith("le") and count > 1:
        count -= 1
    return max(1, count)


def _lengths(request: ReviewRequest, measures: TextMeasures) -> Iterator[ReviewFinding]:
    size = measures.characters
    if size < request.min_characters:
        yield ReviewFinding(
            "length", "error", f"{size} characters; at least {request.min_characters}"
        )
    if size > request.max_characters:
        yield ReviewFinding(
            "length", "error", f"{size} characters; at most {request.max_characters}"
        )
    if measures.hashtags > request.max_hashtags:
        reason = f"{measures.hashtags} hashtags; at most {request.max_hashtags}"
        yield ReviewFinding("hashtags", "error", reason)
    ease, least = measures.reading_ease, request.least_reading_ease
    if ease is not None and least is not None and ease < least:
        reason = f"reading ease {ease:g} is below {least:g}: use shorter sentences and words"
        yield ReviewFinding("readability", "warning", reason)


def _banned(request: ReviewRequest) -> Iterator[ReviewFinding]:
    for word in request.banned_words:
        for start, end in _places(request.text, word):
            yield _at(request.text, "banned", f"{word!r} is banned", (start, end))


def _brands(request: ReviewRequest) -> Iterator[ReviewFinding]:
    for name in request.brand_names:
        for start, end in _places(request.text, name):
            if request.text[start:end] != name:
                yield _at(request.text, "brand", f"write it {name!r}", (start, end))


def _claims(request: ReviewRequest) -> Iterator[ReviewFinding]:
    allowed = [place for one in request.allowed_claims for place in _places(request.text, one)]
    for word in request.claims:
        for start, end in _places(request.text, word):
            if not any(first <= start and end <= last for first, last in allowed):
                yield _at(
                    request.text, "claim", f"{word!r} is a claim that needs proof", (start, end)
                )


def _missing(request: ReviewRequest) -> Iterator[ReviewFinding]:
    for phrase in request.required_phrases:
        if not _places(request.text, phrase):
            yield ReviewFinding("required", "error", f"{phrase!r} is missing")


def _links(request: ReviewRequest) -> Iterator[ReviewFinding]:
    """Links are read, not fetched."""
    for match in LINK.finditer(request.text):
        reason = _link_fault(match.group().rstrip(".,;:!?"), request.allowed_hosts)
        if reason:
            yield _at(request.text, "link", reason, match.span())


def _link_fault(link: str, hosts: Sequence[str] | None) -> str:
    try:
        parts = urlsplit(link)
        host = (parts.hostname or "").casefold()
    except ValueError:
        return "it is no address"
    if parts.scheme.lower() != "https":
        return "use https"
    if parts.username or "." not in host:
        return "it is no public address"
    if hosts is not None and not any(host == one or host.endswith(f".{one}") for one in hosts):
        return f"{host} is none of the allowed hosts"
    return ""


def _places(text: str, phrase: str) -> list[tuple[int, int]]:
    """Whole words only, whatever their case.

    >>> _places("Bestow the best", "best")
    [(11, 15)]
    """
    pattern = rf"(?<!\w){re.escape(phrase)}(?!\w)"
    return [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]


def _at(text: str, rule: Rule, reason: str, place: tuple[int, int]) -> ReviewFinding:
    start, end = place
    return ReviewFinding(rule, "error", reason, start, end, text[start:end][:EXCERPT])
