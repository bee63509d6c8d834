"""The page of a log: findings as one HTML document that loads nothing."""

from collections.abc import Iterator, Sequence

from runlore.kernel.readable import readable_duration, readable_number, readable_share
from runlore.look.rules.findings import (
    DurationFindings,
    FailureFindings,
    FileFindings,
    LimitFindings,
    LookFindings,
    Measured,
)
from runlore.look.rules.words import shares
from runlore.look.views import drawings
from runlore.look.views.layout import (
    bullets,
    commands,
    page,
    paragraph,
    section,
    table,
)

MOST_REASONS = 8
RESOURCES = ("time", "memory")


def render_page(findings: LookFindings, made_on: str) -> str:
    """The whole document. made_on: the date, which stands in one place only."""
    file = findings.file
    body = [
        f"<h1>{_title(file)}</h1>",
        bullets(findings.verdict, "lead"),
        '<div class="columns">',
        *_sections(findings),
        "</div>",
        section("What to run next", commands(findings.commands)),
        section("How it was measured", bullets(_method(findings))),
        f'<p class="made">Made by <code>runlore look</code> on {made_on}</p>',
    ]
    return page(f"{file.name}: what could have been known", "\n".join(body))


def _title(file: FileFindings) -> str:
    from html import escape

    return f"{escape(file.name)}: what could have been known before each run"


def _sections(findings: LookFindings) -> Iterator[str]:
    yield _file(findings.file)
    if findings.failure is not None:
        yield _failure(findings.failure)
        yield _calibration(findings.failure)
    if findings.duration is not None:
        yield _duration(findings.duration)
    yield _limits(findings.limits)
    yield _stand_outs(findings)
    yield section(
        "What cannot be predicted, and why",
        bullets([*findings.unanswered.values(), *findings.unpredictable])
        or paragraph("Nothing stands here: see the intervals for how sure the numbers are."),
    )


def _file(file: FileFindings) -> str:
    ended = ", ".join(f"{count:,} {status}" for status, count in file.statuses.items())
    reasons = (
        f"{one.rows:,} rows, from line {one.line:,} on: {one.reason}. {one.remedy}"
        for one in file.rejects[:MOST_REASONS]
    )
    columns = "; ".join(f"{field} from {column}" for field, column in file.columns.items())
    return section(
        "The log",
        paragraph(
            f"{file.rows:,} rows of format {file.format} are {file.runs:,} runs from"
            f" {file.first[:10]} to {file.last[:10]} ({file.days:,.0f} days): {ended}."
        ),
        drawings.over_time(file.spans),
        '<ul class="legend"><li><i class="all"></i>runs</li>'
        '<li><i class="bad"></i>failed</li></ul>',
        paragraph(f"{file.rejected:,} rows were rejected:") if file.rejects else "",
        bullets(reasons),
        bullets(f"{rows:,} {reason}: skipped" for reason, rows in file.skipped.items()),
        paragraph(f"Columns, by their names: {columns}.", "soft") if columns else "",
        bullets([*file.notes, *file.warnings], "soft"),
    )


def _failure(failure: FailureFindings) -> str:
    return section(
        "What failed, and how much was foreseeable",
        paragraph(
            f"Tested on {failure.test_rows:,} runs since {failure.test_from[:10]}, learned from"
            f" {failure.train_rows:,} before. {shares(failure.base_rate)} of them failed."
        ),
        drawings.gain(failure),
        table(
            ("", "model", "simple guess"),
            [
                (
                    "failures among the riskiest 10 %",
                    shares(failure.top),
                    shares(failure.top_simple),
                ),
                ("AUC", _plain(failure.auc), _plain(failure.auc_simple)),
            ],
        ),
        paragraph(
            f"The model's AUC is higher by {_plain(failure.auc_gain)}. The simple guess is the"
            " user's recent failure rate.",
            "soft",
        ),
    )


def _calibration(failure: FailureFindings) -> str:
    error = failure.calibration_error
    off = "" if not error.is_known else f"On average the risk is {shares(error)} points off"
    return section(
        "Is the risk what it says?",
        paragraph(
            f"{off.replace(' %', '')} on {error.n:,} runs. Chance alone gives"
            f" {readable_share(failure.calibration_chance).replace(' %', '')}."
        ),
        drawings.calibration(failure),
    )


def _duration(duration: DurationFindings) -> str:
    return section(
        "How long runs take",
        paragraph(
            f"Tested on {duration.test_rows:,} runs since {duration.test_from[:10]}; half of them"
            f" took less than {readable_duration(duration.median_s)}. Relative accuracy is the"
            " smaller over the larger of guess and truth: 1 is perfect."
        ),
        drawings.durations(duration.rivals),
        table(
            ("mean error", "that guess", "the model"),
            [(one.name, _length(one.mae_s), _length(one.ours_mae_s)) for one in duration.rivals],
        ),
        paragraph(
            f"The interval meant to hold {readable_share(duration.meant)} held"
            f" {shares(duration.coverage)} of {duration.coverage.n:,} runs."
        )
        if duration.coverage.is_known
        else "",
        table(
            ("quantile", "held"),
            [(readable_share(one.level), shares(one.held)) for one in duration.levels],
        )
        if duration.levels
        else "",
    )


def _limits(limits: tuple[LimitFindings, ...]) -> str:
    title = "What better limits would have saved"
    if not limits:
        return section(
            title,
            paragraph(
                "The log has no requested times, or too few, so there is nothing to replay. With a"
                " column of them (--inputs requested_time_s=COLUMN) this shows the hours."
            ),
        )
    groups = ([one for one in limits if one.resource == resource] for resource in RESOURCES)
    return section(title, *(part for group in groups if group for part in _replayed(group)))


def _replayed(limits: Sequence[LimitFindings]) -> Iterator[str]:
    """The limits of one resource: what was requested, drawn, and as a table."""
    first = limits[0]
    yield paragraph(
        f"{first.runs:,} future runs requested {readable_number(first.requested)} {first.unit}"
        f" and used {readable_number(first.needed)}. A good run that a limit ends is paid for"
        " twice: the limit, and its request when it is run again."
    )
    yield drawings.limits(limits)
    money = [] if first.price is None else ["money"]
    yield table(
        (f"limit of {first.resource}", f"saved {first.unit}", "good runs ended", *money),
        [
            (
                one.policy,
                f"{readable_number(one.saved_amount)}: {shares(one.saved)}",
                shares(one.killed),
                *([] if one.price is None else [readable_number(one.price)]),
            )
            for one in limits
        ],
    )


def _stand_outs(findings: LookFindings) -> str:
    title = "Who fails more or less often than the rest"
    if not findings.standouts:
        return section(
            title,
            paragraph(
                f"Of {findings.compared:,} users, kinds and hosts with enough runs, none differs"
                " from the rest beyond chance."
            ),
        )
    return section(
        title,
        paragraph(
            f"{findings.compared:,} users, kinds and hosts were compared with all others; these"
            " differ beyond chance (at most 1 in 20 of them is expected to be false)."
        ),
        drawings.stand_outs(findings.standouts),
    )


def _method(findings: LookFindings) -> Iterator[str]:
    yield (
        "The log is divided by time: models learn from the first part, with what was known then,"
        " and every number is of the later part unless it says otherwise."
    )
    yield "Intervals hold 95 %, from resampled blocks of time: the runs of a day are alike."
    yield "Failed means any end other than success: cancelled and partial runs count, too."
    for one in (findings.failure, findings.duration):
        if one is not None:
            may = "may be used" if one.passed else "may not be used"
            yield f"The chosen model is {one.candidate}; it {may}: {'; '.join(one.reasons)}."
    yield from findings.bounds


def _plain(measured: Measured) -> str:
    if not measured.is_known:
        return "unknown"
    return f"{measured.value:.3f} ({measured.low:.3f} to {measured.high:.3f})"


def _length(measured: Measured) -> str:
    low, high = readable_duration(measured.low), readable_duration(measured.high)
    return f"{readable_duration(measured.value)} ({low} to {high})"
