"""A row of the tables of docs/promises.md: how often something happened in simulated worlds."""

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True)
class Row:
    """`share` of the `worlds` in which it happened, and what the promise allows.

    `world` says what was simulated, `rule` which rule looked at it ("now", "before", a peer's).
    `spread`: where each world has a share, their standard deviation; `share` is their mean.
    """

    world: str
    rule: str
    share: float
    worlds: int
    promise: str
    spread: float | None = None

    @staticmethod
    def heading() -> str:
        names = "| world | rule | share | Monte-Carlo error | worlds | promise |"
        return names + "\n|---|---|--:|--:|--:|---|"

    @property
    def error(self) -> float:
        """The standard error of the share, as worlds are drawn independently."""
        if self.spread is not None:
            return self.spread / sqrt(self.worlds)
        return sqrt(self.share * (1 - self.share) / self.worlds)

    def line(self) -> str:
        share, error = f"{self.share:.1%}", f"{self.error:.1%}"
        cells = (self.world, self.rule, share, error, str(self.worlds), self.promise)
        return "| " + " | ".join(cells) + " |"
