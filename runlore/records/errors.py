"""Every error that Runlore raises on purpose.

RunloreError
├── BadInput            the caller sent something wrong; names the field
├── NotFound            the named thing does not exist
│   └── NoContract      the champion was registered without a data contract
├── NoChampion          nothing serves this spec yet
├── Refused             a gate said no; the evidence is in the message
│   └── DataRefused     the new data breaks the champion's contract
├── Unavailable         something we depend on is away; try again
└── Misconfigured       a setting is wrong; names the setting and the remedy
"""

from collections.abc import Sequence


class RunloreError(Exception):
    """An error whose message names the thing, the value and the remedy."""


class BadInput(RunloreError):
    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotFound(RunloreError):
    pass


class NoContract(NotFound):
    def __init__(self, spec: str, version: str) -> None:
        super().__init__(
            f"{spec} version {version} was registered without a data contract; train it again:"
            f" `runlore train {spec}`"
        )


class NoChampion(RunloreError):
    def __init__(self, spec: str) -> None:
        super().__init__(f"no champion serves {spec!r} yet; train one with `runlore train {spec}`")
        self.spec = spec


class Refused(RunloreError):
    pass


class DataRefused(Refused):
    def __init__(self, spec: str, reasons: Sequence[str]) -> None:
        super().__init__(
            f"{spec}: the data that came in since the champion's training is refused: "
            f"{'; '.join(reasons)}. The champion serves on. Put the data right, or let it pass:"
            f' `runlore train {spec} --accept-data "WHY"`'
        )
        self.spec = spec
        self.reasons = tuple(reasons)


class Unavailable(RunloreError):
    pass


class Stalled(Unavailable):
    """PostgreSQL took too long, and has ended the statement itself: nothing was done."""


class Misconfigured(RunloreError):
    pass
