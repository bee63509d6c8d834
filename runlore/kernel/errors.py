"""Every error that Runlore raises on purpose.

RunloreError
├── BadInput            the caller sent something wrong; names the field
├── NotFound            the named thing does not exist
│   └── NoContract      the champion was registered without a data contract
├── NoChampion          nothing serves this spec yet
│   └── BrokenChampion  there is a champion, and it cannot be loaded
├── Refused             a gate said no; the evidence is in the message
│   ├── DataRefused     the new data breaks the champion's contract
│   ├── NotInLog        no execution of the log has the value that a spec predicts
│   ├── LeakRefused     an input gives the outcome away, and the spec stops for it
│   ├── Tampered        a version's files are not those that were registered
│   ├── TooManyRevisions  an execution has had as many facts as one may have
│   └── CorrectionNeeded  it ended long ago; another outcome must say that it corrects
├── Unavailable         something we depend on is away; try again
│   ├── Unsettled       the connection broke while it was written; nobody knows whether it was
│   ├── Stalled         PostgreSQL took too long, and has ended the statement itself
│   └── CannotWrite     there is no room, or a disk fails; nothing of this was written
└── Misconfigured       a setting is wrong; names the setting and the remedy
"""

import errno
from collections.abc import Sequence
from datetime import datetime

from runlore.kernel.redaction import redact

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO)

TAMPERED_ADVICE = (
    "Find out who could write there. Then restore it from a backup, or let another version answer"
    " (`runlore rollback {spec}`, or `runlore train {spec}` and `runlore promote {spec}`);"
    " `runlore audit` checks all versions that stand"
)


class RunloreError(Exception):
    """An error whose message names the thing, the value and the remedy, and holds no secret."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(redact(one) if isinstance(one, str) else one for one in args))


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
    def __init__(self, spec: str, reason: str = "") -> None:
        super().__init__(
            reason or f"no champion serves {spec!r} yet; train one with `runlore train {spec}`"
        )
        self.spec = spec


class BrokenChampion(NoChampion):
    """reason: what is wrong with the version, in words for clients: no path, no digest."""

    retry_after_s = 30  # the service tries to load the version again that often

    def __init__(self, spec: str, version: str, reason: str) -> None:
        super().__init__(
            spec,
            f"{spec} version {version} is the champion and cannot answer: {reason}; no former"
            " version answers either. `runlore doctor` names the remedy",
        )
        self.version = version


class Refused(RunloreError):
    pass


class NotInLog(Refused):
    def __init__(self, spec: str, value: str) -> None:
        super().__init__(f"{spec}: not in this log: no finished execution has {value}")


class DataRefused(Refused):
    """command: what a person types to let the data pass."""

    def __init__(self, spec: str, reasons: Sequence[str]) -> None:
        self.spec = spec
        self.reasons = tuple(reasons)
        self.command = f'runlore train {spec} --accept-data "WHY"'
        super().__init__(
            f"{spec}: the data that came in since the champion's training is refused: "
            f"{'; '.join(reasons)}. The champion serves on. Put the data right, or let it pass:"
            f" `{self.command}`"
        )


class LeakRefused(Refused):
    """command: what a person types to learn from the input all the same."""

    def __init__(self, spec: str, reasons: Sequence[str], inputs: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        accepted = " ".join(f"--accept-leak {name}" for name in inputs)
        self.command = f'runlore train {spec} {accepted} --because "WHY"'
        super().__init__(
            f"{spec}: inputs give the outcome away: {'; '.join(reasons)}. Leave them out of the"
            f" log's mapping, or say why they do not: `{self.command}`"
        )


class Tampered(Refused):
    """expected, found: digests of the bundle. where: the file, folder or tag that differs."""

    def __init__(self, spec: str, version: str, where: str, expected: str, found: str) -> None:
        super().__init__(
            f"{spec} version {version}: {where} is not what was registered (registered"
            f" {expected[:12] or 'without a digest'}, found {found[:12] or 'nothing readable'})."
            f" {TAMPERED_ADVICE.format(spec=spec)}"
        )
        self.spec, self.version = spec, version
        self.where, self.expected, self.found = where, expected, found


class TooManyRevisions(Refused):
    field = "id"

    def __init__(self, source_id: str, most: int) -> None:
        super().__init__(
            f"id: execution {source_id[:80]!r} has been added to as often as one may be, {most:,}"
            " times; record other work under another id, or let whoever runs the service raise"
            " RUNLORE_MAX_REVISIONS"
        )


class CorrectionNeeded(Refused):
    field = "correction"

    def __init__(self, source_id: str, submitted: datetime, ended: datetime, days: int) -> None:
        super().__init__(
            f"correction: execution {source_id[:80]!r}, submitted {submitted.isoformat()}, ended"
            f" {ended.isoformat()}, more than {days} days ago, with another outcome. If its id is"
            " used again, record the new submission first, with its own `submitted`. To correct the"
            ' old outcome, send "correction": true'
        )


class Unavailable(RunloreError):
    pass


class Unsettled(Unavailable):
    """The connection broke during a write, and nobody knows whether it was done."""

    retry_after_s = None  # a repetition could do it twice


class Stalled(Unavailable):
    """PostgreSQL took too long, and has ended the statement itself: nothing was done."""


class CannotWrite(Unavailable):
    """A full or failing disk, or a server that is out of memory. Nothing of this was written."""

    retry_after_s = 10


class Misconfigured(RunloreError):
    pass


def describe(error: BaseException) -> str:
    """The kind of an error that nobody expected, and its message on one line if it has one.

    >>> describe(TimeoutError()), describe(ValueError("no number"))
    ('TimeoutError', 'ValueError: no number')
    """
    kind, message = type(error).__name__, one_line(error)
    return kind if message == kind else f"{kind}: {message}"


def is_disk_full(error: BaseException) -> bool:
    """Whether a file of ours could not be written for want of room, or by a failing disk."""
    return isinstance(error, OSError) and error.errno in DISK_ERRORS


def one_line(error: BaseException) -> str:
    """The message of another tool's error on one line; the name of its class if it has none.

    >>> one_line(TimeoutError()), one_line(ValueError("a\\nb"))
    ('TimeoutError', 'a b')
    """
    return " ".join(str(error).split()) or type(error).__name__
