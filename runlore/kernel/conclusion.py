"""What a check came to, in words: the verdict first, then what to do."""

from dataclasses import dataclass

NOTHING_TO_DO = "Nothing to do."


@dataclass(frozen=True)
class Conclusion:
    """headline: the verdict in one sentence. advice: what to do about it; never empty.

    >>> str(Conclusion("No drift.", NOTHING_TO_DO))
    'No drift. Nothing to do.'
    """

    headline: str
    advice: str

    def __post_init__(self) -> None:
        if not (self.headline and self.advice):
            raise ValueError("a conclusion needs a headline and advice")

    def __str__(self) -> str:
        return f"{self.headline} {self.advice}"


def listed(names: tuple[str, ...], most: int = 3) -> str:
    """Some names of several.

    >>> listed(("a", "b", "c", "d", "e")), listed(("a",))
    ('a, b, c and 2 more', 'a')
    """
    more = len(names) - most
    text = ", ".join(names[:most])
    return f"{text} and {more} more" if more > 0 else text
