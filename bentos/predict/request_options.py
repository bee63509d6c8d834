"""What a request to predict asks for besides the prediction, in its query parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from runlore.kernel.errors import BadInput

MOST_REASONS = 20
MOST_LEVELS = 20
MOST_LEVELS_CHARACTERS = 1_000
PROBABILITY = "probability"  # the unit of what has no quantiles
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})
SWITCH = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """reasons: how many. explains_support: tell what the version does not know. levels: of the
    quantiles of a quantity."""

    reasons: int = 0
    explains_support: bool = False
    levels: tuple[float, ...] = ()

    def check(self, spec: str, unit: str) -> None:
        """Raise BadInput for what a spec of that unit does not have."""
        if self.levels and unit == PROBABILITY:
            raise BadInput(
                f"quantiles: {spec} predicts a probability, which has none; ask a quantity, such as"
                " duration",
                "quantiles",
            )


def parse_options(query: Mapping[str, str]) -> PredictOptions:
    """Raises BadInput, which names the parameter."""
    if not query:
        return PredictOptions()
    return PredictOptions(
        parse_reasons(query.get("reasons", "0")),
        _switch("support", query.get("support", "0")),
        parse_levels(query["quantiles"]) if "quantiles" in query else (),
    )


def parse_reasons(text: str) -> int:
    """The number of reasons that a query parameter says."""
    if text.isdecimal() and len(text) < 3 and int(text) <= MOST_REASONS:
        return int(text)
    raise BadInput(f"reasons: {text[:80]!r} is no number from 0 to {MOST_REASONS}", "reasons")


def parse_levels(text: str) -> tuple[float, ...]:
    """The levels of quantiles in ascending order, once each.

    >>> parse_levels("0.95,0.5"), parse_levels(".5")
    ((0.5, 0.95), (0.5,))
    """
    parts = text.split(",", MOST_LEVELS)
    try:
        levels = {float(part) for part in parts}
    except ValueError:
        levels = {0.0}
    if (
        len(parts) > MOST_LEVELS
        or len(text) > MOST_LEVELS_CHARACTERS
        or not all(0 < level < 1 for level in levels)
    ):
        raise BadInput(
            f"quantiles: {text[:80]!r} is no list of up to {MOST_LEVELS} levels between 0 and 1,"
            " such as 0.5,0.95",
            "quantiles",
        )
    return tuple(sorted(levels))


def _switch(name: str, text: str) -> bool:
    if text.lower() not in SWITCH:
        raise BadInput(f"{name}: {text[:80]!r} is neither 1 nor 0", name)
    return SWITCH[text.lower()]
