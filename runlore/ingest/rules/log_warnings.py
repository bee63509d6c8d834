"""What a person should know about a log that was read without an error, and may be read wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from runlore.ingest.rules.log_evidence import Floats, LogEvidence
from runlore.kernel.durations import DAY_S, HOUR_S

FEWEST_ROWS = 10
EXTRA_SHARE = 0.1  # of rows that end an execution once more
ROWS_PER_EXECUTION = 5
LONG_RUN_S = 2 * DAY_S
FURTHEST_ZONE_S = 14 * HOUR_S
OFFSET_SPREAD_S = 300.0  # by which a shift between two clocks may vary
SKIPPED_HOURS = (1, 2, 3)  # by local time in western, central and eastern Europe; 2 in America
FEWEST_IN_HOUR = 3
STEPS_SHARE = 0.02
FEW, MANY = 0.01, 0.2  # shares of rows that have an input


@dataclass(frozen=True, slots=True)
class LogWarning:
    """kind: names the warning in JSON. rows: how many it is about. remedy: what to do."""

    kind: str
    message: str
    rows: int
    remedy: str = ""


def warnings_of(evidence: LogEvidence, now_us: int) -> list[LogWarning]:
    """All that the evidence gives reason for; now_us: when the log was read."""
    notes = [note(text, rows) for text, rows in evidence.notes.items()]
    checks = (
        repeated_ids,
        rounded_ids,
        job_steps,
        whole_days,
        long_runs,
        shifted_starts,
        skipped_hour,
    )
    one_by_one = [warning for check in checks if (warning := check(evidence)) is not None]
    local = local_times(evidence, now_us)
    return [*one_by_one, *([local] if local else []), *one_sided_inputs(evidence), *notes]


def note(text: str, rows: int) -> LogWarning:
    """A remark on single rows; its text is the predicate of the sentence."""
    return LogWarning(text, f"{rows:,} rows {text}", rows)


def repeated_ids(evidence: LogEvidence) -> LogWarning | None:
    """Executions that end more than once: their id stands for several pieces of work."""
    rows, executions = evidence.rows, evidence.executions
    extra = evidence.extra_endings
    is_many = rows >= FEWEST_ROWS and extra >= max(EXTRA_SHARE * rows, 3)
    if not is_many and (rows < 2 * FEWEST_ROWS or rows < ROWS_PER_EXECUTION * executions):
        return None
    return LogWarning(
        "repeated ids",
        f"{rows:,} rows are {executions:,} executions: is `id` unique?",
        rows - executions,
        "make the id of several columns, such as --map id=job+attempt",
    )


def rounded_ids(evidence: LogEvidence) -> LogWarning | None:
    """Ids such as 9.01E+09: several numbers became one."""
    if evidence.rounded < max(1, STEPS_SHARE * evidence.rows):
        return None
    return LogWarning(
        "rounded ids",
        f"{evidence.rounded:,} ids are rounded, such as 9.01E+09, by a spreadsheet: different work"
        " may have one id",
        evidence.rounded,
        "export the log again and do not save it in a spreadsheet, or format the ids as text there",
    )


def job_steps(evidence: LogEvidence) -> LogWarning | None:
    """Ids such as 7.batch and 7.0 beside 7."""
    if evidence.steps < max(2, STEPS_SHARE * evidence.rows):
        return None
    return LogWarning(
        "job steps",
        f"{evidence.steps:,} ids look like steps of a job (7.batch, 7.0): they count as executions",
        evidence.steps,
        "export without steps (sacct -X), or use `runlore ingest slurm`",
    )


def whole_days(evidence: LogEvidence) -> LogWarning | None:
    """Runs of 0, 1 or more days to the second: the times are dates."""
    durations = _joined(evidence.durations_s)
    if durations.size < FEWEST_ROWS or np.any(durations % DAY_S) or not np.ptp(durations):
        return None
    return LogWarning(
        "whole days",
        "all runs take whole days: are the times only dates?",
        evidence.rows,
        "export the times of day, too",
    )


def long_runs(evidence: LogEvidence) -> LogWarning | None:
    """Runs of days are rare; a unit or a column that is mistaken is not."""
    durations = _joined(evidence.durations_s)
    if durations.size < FEWEST_ROWS or (median := float(np.median(durations))) < LONG_RUN_S:
        return None
    return LogWarning(
        "long runs",
        f"half of the runs take {median / DAY_S:,.1f} days or more: is the unit right?",
        evidence.rows,
        "--map duration_ms=COLUMN if it is in milliseconds; check --epoch and the columns of times",
    )


def shifted_starts(evidence: LogEvidence) -> LogWarning | None:
    """Starts that are all whole hours after the submission: one of the two may be local."""
    waits = _joined(evidence.waits_s)
    if waits.size < 2 * FEWEST_ROWS:
        return None
    low, median, high = np.quantile(waits, [0.1, 0.5, 0.9])
    hours = round(float(median) / HOUR_S)
    is_whole = 1 <= hours <= FURTHEST_ZONE_S / HOUR_S
    if not is_whole or max(abs(q - hours * HOUR_S) for q in (low, high)) > OFFSET_SPREAD_S:
        return None
    return LogWarning(
        "shifted times",
        f"nearly all starts are {hours} h after their submission: is one of the two times local?",
        evidence.rows,
        "export both with a zone, or in the same zone and say --timezone",
    )


def skipped_hour(evidence: LogEvidence) -> LogWarning | None:
    """No submission in the hour that clocks skip in spring, though it is busy on other days."""
    for day, counts in sorted(evidence.around_changes.items()):
        for hour in SKIPPED_HOURS:
            at = 24 + hour
            beside = counts[[at - 24, at - 1, at + 1, at + 24]]
            if counts[at] == 0 and beside.min() >= FEWEST_IN_HOUR:
                return LogWarning(
                    "skipped hour",
                    f"nothing was submitted from {hour:02}:00 to {hour + 1:02}:00 on {day}, when"
                    " clocks go forward: are the times local?",
                    int(counts.sum()),
                    "--timezone, such as --timezone Europe/Berlin",
                )
    return None


def local_times(evidence: LogEvidence, now_us: int) -> LogWarning | None:
    """Rows without a zone that are a few hours in the future, and none that is far ahead."""
    if not evidence.ahead_us or evidence.zoned_ahead:
        return None
    ahead_s = (np.array(evidence.ahead_us) - now_us) / 1e6
    if ahead_s.max() > FURTHEST_ZONE_S:
        return None
    return LogWarning(
        "local times",
        f"{ahead_s.size:,} rows are up to {ahead_s.max() / HOUR_S:.1f} h in the future, and their"
        " times have no zone: are they local?",
        ahead_s.size,
        "--timezone, such as --timezone Europe/Berlin",
    )


def one_sided_inputs(evidence: LogEvidence) -> list[LogWarning]:
    """Inputs that only failures have, or that only failures lack."""
    failed, succeeded = evidence.failed, evidence.succeeded
    if min(failed, succeeded) < FEWEST_ROWS:
        return []
    warnings = []
    for name, count in sorted(evidence.filled.items()):
        shares = count.failed / failed, count.succeeded / succeeded
        for word, (of_failed, of_succeeded) in (
            ("filled", shares),
            ("missing", (1 - shares[0], 1 - shares[1])),
        ):
            if of_failed >= MANY and of_succeeded <= FEW:
                warnings.append(_one_sided(name, word, of_failed, of_succeeded, failed))
    return warnings


def _one_sided(
    name: str, word: str, of_failed: float, of_succeeded: float, failed: int
) -> LogWarning:
    return LogWarning(
        f"input {word} when work failed",
        f"input `{name}` is {word} only when work failed ({of_failed:.0%} of failures,"
        f" {of_succeeded:.0%} of successes): was it known before the start?",
        round(of_failed * failed),
        f"leave {name} out of --inputs, or make it an outcome: --outcome {name}",
    )


def merged(stored: Sequence[Mapping[str, Any]], new: Iterable[LogWarning]) -> list[LogWarning]:
    """Warnings of a log that has grown: new ones replace those of the same kind and input.

    Remarks on single rows are added up.
    """
    known = {_key(LogWarning(**one)): LogWarning(**one) for one in stored}
    for warning in new:
        earlier = known.get(_key(warning))
        is_note = earlier is not None and not warning.remedy
        known[_key(warning)] = (
            note(warning.kind, earlier.rows + warning.rows) if earlier and is_note else warning
        )
    return list(known.values())


def as_documents(warnings: Iterable[LogWarning]) -> list[dict[str, Any]]:
    """As they are stored."""
    return [asdict(warning) for warning in warnings]


def _key(warning: LogWarning) -> tuple[str, str]:
    parts = warning.message.split("`")
    return warning.kind, parts[1] if len(parts) > 1 else ""


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.zeros(0)
