"""What a request to predict asks for besides the prediction, in its query parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from runlore.kernel.errors import BadInput

MOST_REASONS = 20
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})
SWITCH = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """reasons: how many. explains_support: tell what the version does not know."""

    reasons: int = 0
    explains_support: bool = False


def parse_options(query: Mapping[str, str]) -> PredictOptions:
    """Raises BadInput, which names the parameter."""
    if not query:
        return PredictOptions()
    return PredictOptions(
        parse_reasons(query.get("reasons", "0")), _switch("support", query.get("support", "0"))
    )


def parse_reasons(text: str) -> int:
    """The number of reasons that a query parameter says."""
    if text.isdecimal() and len(text) < 3 and int(text) <= MOST_REASONS:
        return int(text)
    raise BadInput(f"reasons: {text[:80]!r} is no number from 0 to {MOST_REASONS}", "reasons")


def _switch(name: str, text: str) -> bool:
    if text.lower() not in SWITCH:
        raise BadInput(f"{name}: {text[:80]!r} is neither 1 nor 0", name)
    return SWITCH[text.lower()]
