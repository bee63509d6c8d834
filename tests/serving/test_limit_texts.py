"""Limits in the words of people and tools: read, and written so that none is below the value."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.serving.rules.limit_formats import FORMATS, format_limit
from runlore.serving.rules.limit_texts import parse_limit, with_margin

NEXTFLOW_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
lengths = st.floats(0, 1e9, allow_nan=False)


def seconds_of(text: str, style: str) -> float:
    """What the tool makes of a limit that was written for it."""
    match style:
        case "slurm":
            days, hours, minutes, seconds = re.fullmatch(
                r"--time=(?:(\d+)-)?(\d\d):(\d\d):(\d\d)", text
            ).groups()
            return int(days or 0) * 86_400 + int(hours) * 3_600 + int(minutes) * 60 + int(seconds)
        case "github":
            return 60 * int(text.removeprefix("timeout-minutes: "))
        case "airflow":
            return int(re.fullmatch(r"timedelta\(seconds=(\d+)\)", text)[1])
        case "nextflow":
            parts = re.fullmatch(r"time '([^']+)'", text)[1].split(" ")
            return sum(int(part[:-1]) * NEXTFLOW_S[part[-1]] for part in parts)
    return int(text)


@given(lengths, st.sampled_from(FORMATS))
def test_a_time_that_a_tool_reads_is_not_below_the_limit_and_hardly_above(
    seconds: float, style: str
) -> None:
    read = seconds_of(format_limit(seconds, "s", style), style)
    assert seconds <= read <= seconds + (60 if style == "github" else 1)


@given(lengths, st.sampled_from(["slurm", "plain"]))
def test_a_time_in_another_unit_is_the_same_time(minutes: float, style: str) -> None:
    read = seconds_of(format_limit(minutes, "minutes", style), style)
    assert minutes <= (read / 60 if style == "slurm" else read) + 1e-6


@given(st.floats(0, 1e15, allow_nan=False))
def test_a_memory_that_a_tool_reads_is_not_below_the_limit(size: float) -> None:
    slurm = int(re.fullmatch(r"--mem=(\d+)M", format_limit(size, "bytes", "slurm"))[1])
    text = format_limit(size, "bytes", "nextflow")
    nextflow = int(re.fullmatch(r"memory '(\d+) MB'", text)[1])
    assert slurm == nextflow
    assert size <= slurm * 2**20 <= max(size, 1) + 2**20
    assert int(format_limit(size, "bytes", "plain")) >= size


@pytest.mark.parametrize("style", ["github", "airflow", "seconds"])
def test_a_tool_without_limits_of_memory_is_named(style: str) -> None:
    with pytest.raises(BadInput, match=f"{style} has no limit of memory"):
        format_limit(1e9, "bytes", style)


def test_a_quantity_of_another_unit_is_written_as_it_is() -> None:
    assert format_limit(0.1, "EUR", "plain") == "0.1"
    with pytest.raises(BadInput, match="no slurm limit is counted in EUR"):
        format_limit(1.0, "EUR", "slurm")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_what_is_no_limit_is_refused(value: float) -> None:
    with pytest.raises(BadInput, match="is no limit"):
        format_limit(value, "s", "slurm")


@pytest.mark.parametrize(
    ("text", "unit", "limit"),
    [
        ("3600", "s", 3_600),
        ("2h", "s", 7_200),
        ("2 hours", "s", 7_200),
        ("1h30m", "s", 5_400),
        ("1d 2h", "s", 93_600),
        ("0.5h", "s", 1_800),
        ("1-00:00:00", "s", 86_400),
        ("00:00:00", "s", 0),
        ("90s", "minutes", 1.5),
        ("4G", "bytes", 4 * 2**30),
        ("512 MiB", "bytes", 2**29),
        ("1e3", "bytes", 1_000),
        ("30 %", "probability", 0.3),
        ("1", "probability", 1),
        ("5", "EUR", 5),
    ],
)
def test_what_people_write_is_read(text: str, unit: str, limit: float) -> None:
    assert parse_limit(text, unit) == limit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("", "s"),
        ("-5", "s"),
        ("2 fortnights", "s"),
        ("2h-", "s"),
        ("inf", "s"),
        ("nan", "s"),
        ("1e999", "s"),
        ("4GB", "s"),
        ("2h", "bytes"),
        ("120%", "probability"),
        ("1.1", "probability"),
        ("30%", "s"),
        ("٣", "s"),
        ("9" * 5_000, "s"),
        ("1h" * 5_000 + "x", "s"),
    ],
)
def test_what_is_no_limit_is_named(text: str, unit: str) -> None:
    with pytest.raises(BadInput, match=r"^max: ") as caught:
        parse_limit(text, unit)
    assert len(str(caught.value)) < 300


@given(st.text(max_size=60), st.sampled_from(["s", "bytes", "probability", "EUR"]))
def test_any_text_is_a_limit_or_named(text: str, unit: str) -> None:
    try:
        limit = parse_limit(text, unit)
    except BadInput:
        return
    assert 0 <= limit < float("inf")


def test_a_margin_is_a_share_or_a_quantity() -> None:
    assert with_margin(200.0, "10 %", "s") == pytest.approx(220)
    assert with_margin(200.0, "1m", "s") == 260
    with pytest.raises(BadInput, match=r"^add: "):
        with_margin(200.0, "some", "s")
