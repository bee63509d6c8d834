"""Columns whose type nobody named are read in one way, in whatever pieces a log comes."""

import json

import pytest

from tests.ingest.csv_log import Log, counts

HEADER = "id,queued_at,release,price,code\n"
MAPPING = {"columns": {"submitted": "queued_at"}, "inputs": ["release", "price", "code"]}


def row(number, release, price, code):
    return f"{number},2024-01-01T00:{number:02d}:00Z,{release},{price},{code}\n"


ROWS = [
    row(1, "1.1", "12.55", "17"),
    row(2, "1.10", "3.10", "007"),
    row(3, "2.1", "4", "12"),
    row(4, "1.1", "7.00", "5"),
]


@pytest.fixture
def log(store, tmp_path) -> Log:
    return Log(store, tmp_path / "log.csv", [HEADER, *ROWS])


def inputs(log, source="log"):
    facts = log.facts().query("source == @source").sort_values("source_id")
    return [json.loads(text) for text in facts["inputs"]]


def test_releases_and_codes_are_text_and_prices_are_numbers(log):
    log.ingest(mapping=MAPPING)
    assert inputs(log) == [
        {"release": "1.1", "price": 12.55, "code": "17"},
        {"release": "1.10", "price": 3.1, "code": "007"},
        {"release": "2.1", "price": 4, "code": "12"},
        {"release": "1.1", "price": 7.0, "code": "5"},
    ]


@pytest.mark.parametrize("chunk_bytes", [40, 80, 1 << 20])
def test_the_size_of_the_chunks_changes_no_type(log, chunk_bytes):
    log.ingest(mapping=MAPPING)
    log.ingest(mapping=MAPPING, source="other", chunk_bytes=chunk_bytes)
    assert inputs(log, "other") == inputs(log)


def test_a_log_that_grows_is_read_as_it_was_when_it_began(log):
    log.lines = [HEADER, *ROWS[:3]]
    log.ingest(mapping=MAPPING)
    log.lines = [HEADER, *ROWS[:3], row(4, "3", "2.50", "44")]
    assert counts(log.ingest(mapping=MAPPING)) == (1, 3, 0)
    assert inputs(log)[-1] == {"release": "3", "price": 2.5, "code": "44"}


def test_the_next_file_of_a_source_is_read_like_the_first(log):
    log.ingest(mapping=MAPPING)
    log.path = log.path.with_name("next.csv")
    log.lines = [HEADER, row(5, "3.1", "2.5", "44")]
    log.ingest(mapping=MAPPING)
    assert inputs(log)[-1] == {"release": "3.1", "price": 2.5, "code": "44"}


def test_a_first_piece_that_decides_nothing_loses_no_release(log):
    log.lines = [HEADER, ROWS[0]]
    log.ingest(mapping=MAPPING)
    log.lines = [HEADER, *ROWS]
    log.ingest(mapping=MAPPING)
    assert [one["release"] for one in inputs(log)] == [1.1, "1.10", 2.1, 1.1]
    assert [one["price"] for one in inputs(log)] == [12.55, 3.1, 4, 7.0]


def test_a_column_of_few_whole_numbers_is_still_open_to_decimals(log):
    log.lines = [HEADER, row(1, "2", "4", "5"), row(2, "2", "4", "5")]
    log.ingest(mapping=MAPPING)
    log.lines += [row(3, "2", "3.10", "5"), row(4, "2", "12.50", "5")]
    log.ingest(mapping=MAPPING)
    log.ingest(mapping=MAPPING, source="other")
    assert inputs(log) == inputs(log, "other")
    assert [one["price"] for one in inputs(log)] == [4, 4, 3.1, 12.5]


def test_a_header_alone_and_an_empty_column_decide_nothing(log):
    log.lines = [HEADER]
    log.ingest(mapping=MAPPING)
    log.lines = [HEADER, row(0, "", "1", "1")]
    log.ingest(mapping=MAPPING)
    log.lines = [HEADER, row(0, "", "1", "1"), *ROWS]
    log.ingest(mapping=MAPPING)
    assert [one.get("release") for one in inputs(log)] == [None, "1.1", "1.10", "2.1", "1.1"]


def test_types_of_the_mapping_leave_nothing_to_guess(log, store):
    typed = MAPPING | {"inputs": ["text:release", "text:price", "number:code"]}
    log.ingest(mapping=typed)
    assert inputs(log)[1] == {"release": "1.10", "price": "3.10", "code": 7}
    with store.connect() as connection:
        rules = connection.execute("SELECT column_rules FROM runlore.ingests").fetchall()
    assert rules == [(None,)]
