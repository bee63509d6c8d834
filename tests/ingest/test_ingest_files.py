"""A log is brought in once, however often and in whatever pieces it comes."""

import gzip
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.ingest.actions.reject_list import list_rejects
from runlore.ingest.queries import facts
from runlore.kernel.errors import BadInput, Unavailable
from runlore.kernel.instants import from_us, to_us
from runlore.records.execution import EXECUTION_COLUMNS
from runlore.records.mapping import declare
from tests.ingest.csv_log import MAPPING, NOW, counts, row

SMALL = 2000


def test_all_rows_land_in_the_order_of_the_file(log):
    assert counts(log.ingest()) == (300, 0, 0)
    facts = log.facts()
    assert facts["source_id"].tolist() == [str(number) for number in range(300)]
    assert facts["seq"].is_monotonic_increasing
    assert facts.columns.tolist() == [*EXECUTION_COLUMNS, "seq", "revision"]
    first = facts.iloc[0]
    assert first[["source", "actor", "kind", "status"]].tolist() == [
        "log",
        "user0",
        "build",
        "failed",
    ]
    assert from_us(int(first["submitted"])) == datetime(2024, 1, 1, tzinfo=UTC)
    assert first["known_at"] - first["submitted"] == 30_000_000
    assert (first["inputs"], first["outcome"]) == ('{"branch": "b0"}', '{"cost": 0.5}')


def test_the_size_of_the_chunks_changes_nothing(log):
    log.lines[17] = "bad\n"
    log.ingest()
    whole, refused = log.facts(), log.rejects()
    assert counts(log.ingest(source="other", chunk_bytes=SMALL)) == (299, 0, 1)
    chunked = log.facts().query("source == 'other'").reset_index(drop=True)
    ours = ["source", "seq"]
    pd.testing.assert_frame_equal(whole.drop(columns=ours), chunked.drop(columns=ours))
    (again,) = (each for each in log.rejects() if each["source"] == "other")
    assert (again["line"], again["raw"]) == (refused[0]["line"], refused[0]["raw"])


def test_the_same_file_again_adds_nothing(log):
    log.lines[5] = "bad\n"
    assert counts(log.ingest()) == (299, 0, 1)
    again = log.ingest()
    assert counts(again) == (0, 299, 1)
    assert again.rows_per_s == 0
    assert len(log.facts()) == 299
    assert len(log.rejects()) == 1


def test_a_file_that_grew_adds_what_is_new(log):
    log.ingest(chunk_bytes=SMALL)
    log.lines += [row(300), "bad\n", row(301)]
    assert counts(log.ingest(chunk_bytes=SMALL)) == (2, 300, 1)
    assert [each["line"] for each in log.rejects()] == [303]
    assert len(log.facts()) == 302


def test_a_last_line_without_an_end_is_left_until_it_has_one(log):
    log.lines[-1] = row(299)[:-3]
    torn = log.ingest()
    assert (counts(torn), torn.unfinished_line) == ((299, 0, 0), 301)
    assert counts(log.ingest()) == (0, 299, 0)
    log.lines[-1] = row(299)
    whole = log.ingest()
    assert (counts(whole), whole.unfinished_line) == ((1, 299, 0), None)
    assert log.facts()["outcome"].tolist()[-1:] == ['{"cost": 2.5}']


@pytest.mark.parametrize("cut", [1, 20, 44, 60, len(row(299)) - 1])
def test_a_line_cut_anywhere_leaves_no_ghost(log, cut):
    log.lines[-1] = row(299)[:cut]
    log.ingest()
    log.lines[-1] = row(299)
    log.ingest()
    assert log.facts()["source_id"].tolist() == [str(number) for number in range(300)]
    assert log.facts()["revision"].max() == 0


def test_a_last_line_without_an_end_is_taken_on_request_and_read_again_when_it_is_longer(log):
    log.lines[-1] = row(299)[:-3]
    assert counts(log.ingest(takes_last_line=True)) == (300, 0, 0)
    assert counts(log.ingest(takes_last_line=True)) == (0, 300, 0)
    log.lines[-1] = row(299)
    assert counts(log.ingest()) == (1, 299, 0)
    assert log.facts()["outcome"].tolist()[-2:] == ['{"cost": 2}', '{"cost": 2.5}']


def test_an_unfinished_last_line_that_was_refused_is_forgotten_once_it_is_whole(log):
    log.lines[-1] = row(299)[:9]
    assert counts(log.ingest(takes_last_line=True)) == (299, 0, 1)
    log.lines[-1] = row(299)
    assert counts(log.ingest()) == (1, 299, 0)
    assert log.rejects() == []


def test_a_gzipped_log_is_read_as_it_is(log, tmp_path):
    log.write()
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(log.path.read_bytes()))
    source = FileSource(path, "csv", "log", declare(MAPPING), chunk_bytes=SMALL)
    assert counts(ingest_file(log.store, source, NOW)) == (300, 0, 0)
    path.write_bytes(path.read_bytes() + gzip.compress(row(300).encode()))
    assert counts(ingest_file(log.store, source, NOW)) == (1, 300, 0)


def test_a_broken_gzip_keeps_what_was_read_and_says_so(log, tmp_path):
    log.write()
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(log.path.read_bytes())[:-200])
    source = FileSource(path, "csv", "log", declare(MAPPING), chunk_bytes=SMALL)
    with pytest.raises(BadInput, match="the gzip stream is broken or cut short"):
        ingest_file(log.store, source, NOW)
    landed = len(log.facts())
    assert 0 < landed < 300
    path.write_bytes(gzip.compress(log.path.read_bytes()))
    assert counts(ingest_file(log.store, source, NOW)) == (300 - landed, landed, 0)


def test_the_same_rows_in_another_file_are_known(log, tmp_path):
    log.ingest()
    log.path = tmp_path / "copy.csv"
    log.lines += [row(300)]
    assert counts(log.ingest(chunk_bytes=SMALL)) == (1, 300, 0)


def test_the_same_rows_of_another_source_are_others(log):
    log.ingest()
    assert counts(log.ingest(source="other")) == (300, 0, 0)


def test_a_corrected_row_is_a_further_fact_known_from_now_on(log):
    log.ingest()
    log.lines[1 + 40] = row(40, cost="99")
    assert counts(log.ingest()) == (1, 299, 0)
    first, second = log.facts().query("source_id == '40'").to_dict("records")
    assert (first["revision"], second["revision"]) == (0, 1)
    assert (first["outcome"], second["outcome"]) == ('{"cost": 7.5}', '{"cost": 99}')
    assert first["known_at"] == first["finished"]
    assert second["known_at"] == to_us(NOW)
    assert second["submission_known_at"] == second["submitted"]


def test_work_that_went_on_is_a_further_fact_known_when_it_happened(log):
    log.lines[1 + 40] = row(40, ended_at="", how="running", cost="")
    log.ingest()
    log.lines[1 + 40] = row(40)
    assert counts(log.ingest()) == (1, 299, 0)
    first, second = log.facts().query("source_id == '40'").to_dict("records")
    assert (first["status"], second["status"]) == ("running", "succeeded")
    assert first["known_at"] == first["submitted"]
    assert second["known_at"] == second["finished"]


def test_taking_a_correction_back_adds_nothing(log):
    log.ingest()
    original = log.lines[41]
    log.lines[41] = row(40, cost="99")
    log.ingest()
    log.lines[41] = original
    assert counts(log.ingest()) == (0, 300, 0)


def test_rows_told_twice_in_one_chunk_are_known_and_differing_ones_are_revisions(log):
    log.lines += [row(10), row(11, cost="1"), row(11, cost="2"), row(11, cost="1")]
    assert counts(log.ingest()) == (302, 2, 0)
    revisions = log.facts().query("source_id == '11'")
    assert revisions["revision"].tolist() == [0, 1, 2]
    assert revisions["outcome"].tolist() == ['{"cost": 0.5}', '{"cost": 1}', '{"cost": 2}']
    assert revisions["known_at"].tolist()[1:] == [to_us(NOW)] * 2


def test_a_row_may_say_itself_when_it_became_known(log):
    log.lines = [HEADER_KNOWN, "1,2024-01-01,2024-01-02,2024-01-09\n", "2,2024-01-01,2024-01-02,\n"]
    log.ingest(mapping={"columns": {"known_at": "reported"}})
    assert [from_us(us).day for us in log.facts()["known_at"].tolist()] == [9, 2]


HEADER_KNOWN = "id,submitted,finished,reported\n"


def test_fifty_corrupted_lines_are_fifty_rejects_and_the_rest_lands(log):
    bad = {3 * n: _corrupted(3 * n, n) for n in range(1, 51)}
    log.lines = [bad.get(number, line) for number, line in enumerate(log.lines)]
    assert counts(log.ingest(chunk_bytes=SMALL)) == (250, 0, 50)
    refused = log.rejects()
    assert [each["line"] for each in refused] == [number + 1 for number in bad]
    assert all(each["reason"] and each["file"] == str(log.path) for each in refused)
    assert [each["raw"] + "\n" for each in refused] == list(bad.values())
    assert len({each["reason"].split(":")[0].split("'")[0] for each in refused}) == 5
    assert counts(log.ingest(chunk_bytes=SMALL)) == (0, 250, 50)


def _corrupted(number: int, kind: int) -> str:
    return (
        row(number, queued_at="someday"),
        row(number)[: 12 + kind % 7] + "\n",
        row(number, ended_at="2023-01-01T00:00:00Z"),
        row(number, how="dunno"),
        row(number, user='"who'),
    )[kind % 5]


def test_rejects_of_a_mended_file_are_no_longer_shown(log):
    good = log.lines[7]
    log.lines[7] = "bad\n"
    log.ingest()
    log.lines[7] = good
    assert counts(log.ingest()) == (1, 299, 0)
    assert log.rejects() == []


def test_rows_without_ids_are_the_same_when_the_file_grows(log):
    log.lines = ["submitted,actor\n"] + ["2024-01-01,ann\n", "2024-01-01,bob\n"] * 40
    mapping = {"constants": {"kind": "x"}}
    assert counts(log.ingest(mapping=mapping, chunk_bytes=200)) == (80, 0, 0)
    log.lines += ["2024-01-01,ann\n", "2024-01-02,ann\n"]
    assert counts(log.ingest(mapping=mapping, chunk_bytes=200)) == (2, 80, 0)
    log.path = log.path.with_name("again.csv")
    assert counts(log.ingest(mapping=mapping)) == (0, 82, 0)


def test_what_has_not_happened_yet_is_a_reject(log):
    log.lines = [
        "id,submitted,duration_s\n",
        "1,2025-06-01T00:04:00Z,1\n",
        "2,2025-06-01T00:06:00Z,1\n",
        "3,2025-05-31T00:00:00Z,90000\n",
        "4,2099-01-01T00:00:00Z,1\n",
    ]
    assert counts(log.ingest(mapping={})) == (1, 0, 3)
    assert [(each["line"], each["reason"].split(":")[0]) for each in log.rejects()] == [
        (3, "submitted"),
        (4, "duration_s"),
        (5, "submitted"),
    ]
    assert all("of the future; is it of another --timezone?" in e["reason"] for e in log.rejects())


def test_what_has_happened_by_now_is_judged_again_though_the_file_is_as_it_was(log):
    log.lines = [
        "id,submitted,status\n",
        "1,2025-06-01T00:04:00Z,ok\n",
        "2,2025-06-01T02:00:00Z,ok\n",
        "3,2099-01-01T00:00:00Z,ok\n",
        "4,2025-06-01T00:00:00Z,great\n",
    ]
    assert counts(log.ingest(mapping={})) == (1, 0, 3)
    assert counts(log.ingest(mapping={}, at=NOW + timedelta(hours=1))) == (0, 1, 3)
    assert counts(log.ingest(mapping={}, at=NOW + timedelta(hours=2))) == (1, 1, 2)
    assert [reject["line"] for reject in log.rejects()] == [4, 5]
    log.lines.append("5,2025-06-01T00:00:00Z,ok\n")
    assert counts(log.ingest(mapping={}, at=NOW + timedelta(hours=2))) == (1, 2, 2)
    assert set(log.facts()["source_id"]) == {"1", "2", "5"}
    assert set(log.facts()["revision"]) == {0}


def test_a_job_of_a_workload_log_that_ends_in_the_future_is_a_reject(store, tmp_path):
    path = tmp_path / "cluster.swf"
    job = "{} {} 0 {} 8 -1 -1 8 -1 -1 1 7 2 3 4 5 -1 -1\n"
    path.write_text(job.format(1, 0, 60) + job.format(2, 3000, 60) + job.format(3, 600, 300))
    source = FileSource(path, "swf", "cluster", start=NOW - timedelta(minutes=10))
    assert counts(ingest_file(store, source, NOW)) == (2, 0, 1)
    (reject,) = list_rejects(store, 10)
    assert (reject["line"], reject["reason"].split(";")[0]) == (2, "it ends in the future")
    later = NOW + timedelta(minutes=35)
    assert counts(ingest_file(store, source, later)) == (0, 2, 1)
    assert counts(ingest_file(store, source, later + timedelta(minutes=2))) == (1, 2, 0)


def test_instants_far_apart_land_without_the_months_between(log):
    log.lines = ["id,submitted\n", "1,1970-01-01T00:00:00Z\n", "2,2025-05-31T23:59:59Z\n"]
    assert counts(log.ingest(mapping={})) == (2, 0, 0)
    with log.store.begin() as connection:
        parts = connection.scalar(
            text(
                "SELECT count(*) FROM pg_class WHERE relname LIKE 'executions_2%' AND relkind = 'r'"
            )
        )
    assert parts < 100


def test_awkward_text_survives(log):
    text_ = 'back\\slash, tab\tand "quote"\r\nline – naïve 😀 \\N'
    log.lines = [
        "id,submitted,actor,note\n",
        '1,2024-01-01,"{0}","{0}"\n'.format(text_.replace('"', '""')),
    ]
    log.path.write_bytes("".join(log.lines).encode())
    source = FileSource(log.path, "csv", "a\tb", declare({"inputs": ["note"]}))
    ingest_file(log.store, source, NOW)
    (fact,) = log.facts().to_dict("records")
    assert (fact["source"], fact["actor"]) == ("a\tb", text_)
    assert json.loads(fact["inputs"]) == {"note": text_}


def test_parquet_is_brought_in_once_too(log, tmp_path):
    log.write()
    frame = pd.read_csv(log.path, parse_dates=["queued_at", "ended_at"], dtype={"id": str})
    path = tmp_path / "log.parquet"
    source = FileSource(path, "parquet", "log", declare(MAPPING), chunk_rows=64)
    pq.write_table(pa.Table.from_pandas(frame[:200]), path, row_group_size=70)
    assert counts(ingest_file(log.store, source, NOW)) == (200, 0, 0)
    assert counts(ingest_file(log.store, source, NOW)) == (0, 200, 0)
    pq.write_table(pa.Table.from_pandas(frame), path, row_group_size=70)
    assert counts(ingest_file(log.store, source, NOW)) == (100, 200, 0)
    parquet = log.facts().drop(columns=["seq", "source"])
    assert counts(log.ingest(source="csv")) == (300, 0, 0)
    from_csv = log.facts().query("source == 'csv'").drop(columns=["seq", "source"])
    pd.testing.assert_frame_equal(parquet, from_csv.reset_index(drop=True))


def test_progress_is_told_chunk_by_chunk(log):
    log.write()
    told = []
    source = FileSource(log.path, "csv", "log", declare(MAPPING), chunk_bytes=SMALL)
    ingest_file(log.store, source, NOW, lambda done, total: told.append((done, total)))
    size = log.path.stat().st_size
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] == (size, size)


def test_somebody_else_at_the_same_file_stops_us(log, monkeypatch):
    log.write()
    source = FileSource(log.path, "csv", "log", declare(MAPPING), chunk_bytes=SMALL)

    def meddle(done, _total):
        if done < 2 * SMALL:
            ingest_file(log.store, source, NOW)

    with pytest.raises(Unavailable, match="another process is ingesting the same"):
        ingest_file(log.store, source, NOW, meddle)
    assert len(log.facts()) == 300


def test_finished_ingests_say_when(log):
    log.ingest()
    with log.store.begin() as connection:
        (finished,) = connection.scalars(text("SELECT finished_at FROM runlore.ingests"))
    assert finished is not None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, "there is no such file"),
        ("empty.csv", b"", "the file is empty"),
        ("wide.csv", b"a,b\n1,2\n", "submitted: no column is mapped to it"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(store, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        ingest_file(store, FileSource(tmp_path / name, "csv", "log"), NOW)
    assert list_rejects(store, 1) == []


def test_two_at_once_tell_the_same_and_it_lands_once(log, tmp_path):
    log.write()
    paths = [log.path, tmp_path / "copy.csv"]
    paths[1].write_bytes(log.path.read_bytes())

    def bring(path):
        source = FileSource(path, "csv", "log", declare(MAPPING), chunk_bytes=SMALL)
        return counts(ingest_file(log.store, source, NOW))

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(bring, paths))
    assert sum(new for new, _, _ in told) == 300
    assert sum(known for _, known, _ in told) == 300
    assert set(log.facts()["revision"]) == {0}


def test_facts_that_others_add_at_the_same_moment_are_counted_too(log, monkeypatch):
    log.ingest()
    log.lines[1] = row(0, cost="99")
    found = facts._news
    calls = []

    def slow(connection, batch, at):
        news = found(connection, batch, at)
        if not calls:
            _add_revision(log.store)
        calls.append(news)
        return news

    monkeypatch.setattr(facts, "_news", slow)
    assert counts(log.ingest()) == (1, 299, 0)
    assert log.facts().query("source_id == '0'")["revision"].tolist() == [0, 1, 2]


def _add_revision(store):
    """What a recorder does, which does not wait for an ingest."""
    with store.begin() as connection:
        connection.execute(
            text("""
            INSERT INTO runlore.executions (source, source_id, submitted, revision, actor, kind,
                scope, status, submission_known_at, known_at, digest)
            SELECT source, source_id, submitted, 1, actor, kind, scope, 'failed',
                submission_known_at, now(), 1
            FROM runlore.executions WHERE source_id = '0'
            """)
        )


def test_a_pipe_is_refused_in_words(log):
    reading, writing = os.pipe()
    os.close(writing)
    source = FileSource(Path(f"/dev/fd/{reading}"), "csv", "log", declare(MAPPING))
    with pytest.raises(BadInput, match="a pipe can be read only once; write it to a file"):
        ingest_file(log.store, source, NOW)
    os.close(reading)
