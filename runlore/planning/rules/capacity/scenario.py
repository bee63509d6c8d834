"""What-if scenarios: other sizes of pools, more or fewer arrivals, longer or shorter tasks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from runlore.kernel.errors import BadInput

SIZE = re.compile(r"(.+)=(\d+(?:\.\d+)?)")
CHANGE = re.compile(r"(arrivals|durations)([+-]\d+(?:\.\d+)?)%")
LARGEST_FACTOR = 100.0


@dataclass(frozen=True)
class CapacityScenario:
    """sizes: of pools; the others stay as they are. arrivals, durations: factors."""

    name: str
    sizes: Mapping[str, float] = field(default_factory=dict)
    arrivals: float = 1.0
    durations: float = 1.0

    def __post_init__(self) -> None:
        for named in ("arrivals", "durations"):
            if not 0 < getattr(self, named) <= LARGEST_FACTOR:
                raise BadInput(
                    f"{named}: {getattr(self, named):g} is not a factor above 0 to"
                    f" {LARGEST_FACTOR:g}",
                    named,
                )

    @property
    def load(self) -> float:
        return self.arrivals * self.durations


def read_scenario(text: str) -> CapacityScenario:
    """Raises BadInput for parts that make no sense.

    >>> read_scenario("gpu=12,arrivals+20%")
    CapacityScenario(name='gpu=12,arrivals+20%', sizes={'gpu': 12.0}, arrivals=1.2, durations=1.0)
    """
    sizes: dict[str, float] = {}
    factors: dict[str, float] = {}
    for part in text.split(","):
        change, size = CHANGE.fullmatch(part.strip()), SIZE.fullmatch(part.strip())
        if change:
            factors[change[1]] = 1 + float(change[2]) / 100
        elif size:
            sizes[size[1].strip()] = float(size[2])
        else:
            raise BadInput(
                f"what-if: {part[:60]!r} is not such as gpu=12, arrivals+20% or durations-10%",
                "what-if",
            )
    return CapacityScenario(text.strip(), sizes, **factors)
