"""Kinds of cells that logs have, a table each: what is written, and what is read."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runlore.ingest.actions.formats import START
from runlore.ingest.actions.opening import FileSource, open_log
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import to_us
from runlore.records.mapping import declare

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SHARED = Path(__file__).parents[2].parent / "shared"
AT = "2026-10-01T00:00:00Z"


def read(path, file_format="csv", **mapping):
    source = FileSource(path, file_format, "log", declare(mapping), chunk_bytes=500)
    pieces = list(open_log(source, to_us(NOW)).pieces(START))
    facts = [row for piece in pieces for row in piece.parsed.records.to_pylist()]
    refused = [row for piece in pieces for row in piece.parsed.rejects.to_pylist()]
    return facts, refused


def one(tmp_path, cells, **mapping):
    """The fact that a row of these cells becomes, or the reason why it becomes none."""
    path = tmp_path / "log.csv"
    cells = {"id": "1"} | cells
    head, row = ",".join(cells), ",".join(cells.values())
    path.write_text(f"{head}\n{row}\n")
    facts, refused = read(path, **mapping)
    return facts[0] if facts else refused[0]["reason"]


def when(us):
    return None if us is None else datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    "word",
    [
        *("0001-01-01", "0001-01-01T00:00:00Z", "0000-00-00 00:00:00", "1899-12-30", "1900-01-01"),
        *("9999-12-31T23:59:59Z", "9999-12-31 23:59:59.999", "1601-01-01T00:00:00Z"),
        *("-", "--", "Unknown", "None", "NULL", "NaT", "never", "infinity", "-infinity", "N/A"),
        *("0", "-1", "", " ", '""', "1970-01-01T00:00:00Z", "1970-01-01", "2038-01-19T03:14:07Z"),
    ],
)
def test_a_word_for_not_yet_is_no_instant(tmp_path, word):
    fact = one(tmp_path, {"submitted": AT, "started": word, "finished": word, "status": "running"})
    assert (fact["started"], fact["finished"], fact["status"]) == (None, None, "running")


def test_work_that_was_submitted_never_is_refused(tmp_path):
    for word in ("0001-01-01", "-", "Unknown", "9999-12-31T23:59:59Z", "0000-00-00 00:00:00"):
        assert one(tmp_path, {"submitted": word}) == "submitted is empty"


@pytest.mark.parametrize("epoch", ["s", "ms"])
@pytest.mark.parametrize("word", ["0", "-1", "-", "Unknown", "9223372036854775807", "None"])
def test_a_number_for_not_yet_is_no_instant(tmp_path, epoch, word):
    at = {"s": "1790812800", "ms": "1790812800000"}[epoch]
    fact = one(tmp_path, {"submitted": at, "started": word}, epoch=epoch)
    assert (when(fact["submitted"]), fact["started"]) == ("2026-10-01 00:00", None)


@pytest.mark.parametrize(("cell", "epoch"), [("1790812800000", "s"), ("1790812800000000", "ms")])
def test_a_number_of_another_unit_is_refused_and_not_taken_for_never(tmp_path, cell, epoch):
    for times in ({"submitted": cell}, {"submitted": "1790812800", "finished": cell}):
        assert "is empty" not in (reason := str(one(tmp_path, times, epoch=epoch)))
        assert "between 1700 and 2200" in reason or "is not an instant" in reason


def test_a_log_that_counts_from_zero_keeps_its_first_start(tmp_path):
    fact = one(tmp_path, {"submitted": "0", "started": "0", "finished": "60"}, epoch="s")
    assert (fact["submitted"], fact["started"], fact["finished"]) == (0, 0, 60_000_000)


@pytest.mark.parametrize(
    ("cell", "read_as"),
    [
        ("NA", None),
        ('"NA"', "NA"),
        ('"null"', "null"),
        ("null", None),
        ("#N/A", None),
        ("<NA>", None),
        ("", None),
        ('""', None),
        ("unknown", "unknown"),
        ("-", "-"),
    ],
)
def test_a_quoted_word_is_a_word(tmp_path, cell, read_as):
    fact = one(tmp_path, {"submitted": AT, "region": cell}, inputs=["region"])
    assert json.loads(fact["inputs"]).get("region") == read_as


@pytest.mark.parametrize("name", ["actor", "kind", "scope", "id"])
def test_na_is_a_word_among_names_unless_the_mapping_says_otherwise(tmp_path, name):
    path = tmp_path / "log.csv"
    path.write_text(f"x,submitted\nNA,{AT}\nNAN,{AT}\n")
    field = "source_id" if name == "id" else name
    facts, _ = read(path, columns={name: "x"})
    assert [fact[field] for fact in facts] == ["NA", "NAN"]
    facts, _ = read(path, columns={name: "x"}, missing="NA")
    assert [fact[field] for fact in facts] == (["NAN"] if name == "id" else ["", "NAN"])


@pytest.mark.parametrize("word", ["-", "unknown", "n.v.", "-99"])
def test_a_word_for_missing_holds_for_all_columns(tmp_path, word):
    cells = {"submitted": AT, "actor": word, "size": word, "duration_s": word}
    fact = one(tmp_path, cells, inputs=["number:size"], missing=[word])
    assert (fact["actor"], fact["inputs"], fact["finished"]) == ("", "{}", None)


@pytest.mark.parametrize(
    ("cell_type", "cell", "value"),
    [
        ("text", "007", "007"),
        ("text", "1.10", "1.10"),
        ("text", "true", "true"),
        ("text", "1e5", "1e5"),
        ("number", "007", 7),
        ("number", " +.5", 0.5),
        ("number", "-", None),
        ("number", "Unknown", None),
        ("duration", "1m 4s", 64),
        ("duration", "1-02:03:04", 93784),
        ("duration", "PT1H", 3600),
        ("duration", "90", 90),
        ("duration", "1.5", 1.5),
        ("duration", "-", None),
        ("memory", "1.5 KB", 1536),
        ("memory", "4Gn", 4 * 2**30),
        ("memory", "512", 512),
    ],
)
def test_a_column_with_a_type_is_read_by_it(tmp_path, cell_type, cell, value):
    fact = one(tmp_path, {"submitted": AT, "x": cell}, inputs=[f"{cell_type}:x"])
    assert json.loads(fact["inputs"]).get("x") == value
    fact = one(tmp_path, {"submitted": AT, "x": cell}, outcome={f"{cell_type}:y": "x"})
    assert json.loads(fact["outcome"]).get("y") == value


@pytest.mark.parametrize(
    ("cell_type", "noun"),
    [
        ("number", "a number"),
        ("duration", "a length of time"),
        ("memory", "an amount of memory"),
    ],
)
def test_a_cell_that_is_not_of_its_type_names_the_column_and_the_remedy(tmp_path, cell_type, noun):
    reason = one(tmp_path, {"submitted": AT, "x": "lots"}, inputs=[f"{cell_type}:x"])
    assert reason == f"x: 'lots' is not {noun}; if it means no value, say --missing 'lots'"


@pytest.mark.parametrize(
    ("field", "cell", "seconds"),
    [
        ("duration_s", "64", 64),
        ("duration_s", "1m 4s", 64),
        ("duration_s", "0:01:04", 64),
        ("duration_s", "+64.", 64),
        ("duration_ms", "64000", 64),
        ("duration_ms", "1m 4s", 64),
        ("duration_ms", "0.5", 0.0005),
        ("duration_s", "-", None),
    ],
)
def test_a_duration_is_read_in_its_unit_or_as_people_write_it(tmp_path, field, cell, seconds):
    fact = one(tmp_path, {"submitted": AT, field: cell})
    lasted = fact["finished"] and (fact["finished"] - fact["submitted"]) / 1e6
    assert lasted == seconds


@pytest.mark.parametrize(
    ("date_format", "cell", "instant"),
    [
        (None, "31.01.2025 06:21", "2025-01-31 06:21"),
        (None, "1.2.2025", "2025-02-01 00:00"),
        (None, "2025/02/01 6:21", "2025-02-01 06:21"),
        (None, "1 Feb 2025 06:21:00 +0100", "2025-02-01 05:21"),
        (None, "Sat Feb  1 06:21:00 2025", "2025-02-01 06:21"),
        (None, "20250201T062100Z", "2025-02-01 06:21"),
        ("%d/%m/%Y %H:%M", "03/04/2025 06:21", "2025-04-03 06:21"),
        ("%m/%d/%Y %I:%M %p", "03/04/2025 06:21 PM", "2025-03-04 18:21"),
        ("%d.%m.%y", "03.04.25", "2025-04-03 00:00"),
        ("%Y%m%d%H%M%S", "20250403062100", "2025-04-03 06:21"),
        ("%d/%m/%Y %H:%M:%S.%f", "03/04/2025 06:21:00.250", "2025-04-03 06:21"),
        ("%d/%m/%Y %H:%M %z", "03/04/2025 06:21 +0200", "2025-04-03 04:21"),
    ],
)
def test_dates_with_one_reading_or_a_format_are_read(tmp_path, date_format, cell, instant):
    options = {"date_format": date_format} if date_format else {}
    assert when(one(tmp_path, {"submitted": cell}, **options)["submitted"]) == instant


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("03/04/2025 06:21", "'%d/%m/%Y %H:%M' if the day comes first, or '%m/%d/%Y %H:%M'"),
        ("25/12/2025", "one way only; say --date-format '%d/%m/%Y'"),
        ("12/25/2025 3:04:05 PM", "one way only; say --date-format '%m/%d/%Y %I:%M:%S %p'"),
        ("3/4/25", "'%d/%m/%y' if the day comes first, or '%m/%d/%y'"),
    ],
)
def test_day_and_month_are_never_guessed(tmp_path, cell, message):
    with pytest.raises(BadInput, match=message.replace("(", r"\(")):
        one(tmp_path, {"submitted": cell})


def test_dates_in_several_formats_are_read_in_their_order(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("id,submitted\n1,03/04/2025\n2,03/04/2025 06:21\n3,2025-05-06\n4,x\n")
    facts, refused = read(path, date_format=["%d/%m/%Y", "%d/%m/%Y %H:%M"])
    submissions = [when(fact["submitted"]) for fact in facts]
    assert submissions == ["2025-04-03 00:00", "2025-04-03 06:21", "2025-05-06 00:00"]
    assert [row["line"] for row in refused] == [5]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"inputs": ["text:size"]}, "size: there is no column 'size'; there are id, submitted"),
        ({"types": {"id": "colour"}}, "'colour' is none of text, number, duration, memory"),
        ({"inputs": ["text:id"], "outcome": ["number:id"]}, "'id' is both text and number"),
        ({"date_format": "%H:%M"}, "'%H:%M' names no day"),
        ({"date_format": "%Q"}, "date_format: '%Q'"),
        ({"decimal": ";"}, "decimal: ';' is neither"),
        ({"thousands": "x"}, "thousands: 'x' is none of"),
        ({"decimal": ",", "thousands": ","}, "is the decimal mark already"),
        ({"encoding": "klingon"}, "encoding: 'klingon' is not an encoding"),
        ({"missing": 5}, "missing: 5 is neither a word nor a list of words"),
        (
            {"columns": {"duration_s": "a", "duration_ms": "b"}},
            "duration_ms: duration_s is mapped as well",
        ),
    ],
)
def test_a_wrong_option_is_refused_with_the_reason(tmp_path, mapping, message):
    with pytest.raises(BadInput, match=message):
        one(tmp_path, {"submitted": AT}, **mapping)


def test_a_star_takes_types_for_some_columns(tmp_path):
    fact = one(tmp_path, {"submitted": AT, "a": "007", "b": "8"}, inputs=["*", "number:a"])
    assert json.loads(fact["inputs"]) == {"a": 7, "b": 8}


def shared(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"there is no {path.name} beside this checkout")
    return path


CASES = {
    "line-ends/crcrlf.csv": {"inputs": "*"},
    "line-ends/cr-only.csv": {"inputs": "*"},
    "line-ends/formfeed-first.csv": {"inputs": "*"},
    "line-ends/title-vt.csv": {"inputs": "*"},
    "line-ends/duration.csv": {},
    "null-words/na.csv": {"inputs": "*"},
    "number-forms/forms.csv": {"inputs": "*"},
    "local-time-dst/fall.csv": {"timezone": "Europe/Berlin"},
}


@pytest.mark.parametrize("case", CASES)
def test_all_rows_of_a_case_get_in(case):
    path = shared("cases", case)
    facts, refused = read(path, **CASES[case])
    text = path.read_bytes().decode().replace("\r\r\n", "\n").replace("\r", "\n").strip("\f\v\n")
    assert (len(facts), refused) == (text.count("\n"), [])
    assert all(
        "size" not in (x := json.loads(f["inputs"])) or type(x["size"]) is int for f in facts
    )


def test_durations_of_the_case_are_seconds_in_each_unit():
    mapping = {"columns": {"duration_s": "elapsed"}, "inputs": ["limit"]}
    cases = []
    for unit in ("ms", "us", "ns"):
        facts, _ = read(
            shared("cases", "parquet-timedelta", f"td-{unit}.parquet"), "parquet", **mapping
        )
        cases.append([((f["finished"] - f["started"]) / 1e6, f["inputs"]) for f in facts])
    assert cases[0][0] == (5.0, '{"limit":5}')
    assert cases[0] == cases[1] == cases[2]


def test_releases_of_the_case_stay_apart():
    columns = {"actor": "who", "submitted": "queued", "status": "result"}
    facts, _ = read(
        shared("cases", "version-as-text", "builds.csv"),
        columns=columns,
        inputs=["release", "size"],
    )
    inputs = [json.loads(fact["inputs"]) for fact in facts]
    assert {"1.10", "1.1"} <= {one["release"] for one in inputs}
    assert {type(one["release"]) for one in inputs} == {str}
    assert {type(one["size"]) for one in inputs} == {int}


def test_a_german_export_gets_in_with_its_columns_and_its_decimal_mark(tmp_path):
    packed = shared("data", "exports", "excel-semicolon-german.csv.gz")
    path = tmp_path / "auftraege.csv"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    facts, refused = read(
        path,
        columns={
            "id": "Auftrag",
            "actor": "Bearbeiter",
            "scope": "Maschine",
            "submitted": "Eingang",
            "started": "Beginn",
            "finished": "Ende",
            "status": "Status",
        },
        inputs=["Gewicht (kg)"],
        decimal=",",
        timezone="Europe/Berlin",
    )
    assert (len(facts), len(refused)) == (700, 1)
    assert json.loads(facts[0]["inputs"]) == {"Gewicht (kg)": 106.23}
    assert {fact["status"] for fact in facts} == {"succeeded", "failed", "cancelled", "submitted"}
