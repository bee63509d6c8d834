"""Files of text as tools and spreadsheets write them: line ends, encodings, last lines."""

import bz2
import gzip
import lzma

import pytest

from runlore.ingest.actions.formats import START, FilePiece
from runlore.ingest.actions.opening import FileSource, open_log
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import to_us
from runlore.records.mapping import declare
from tests.ingest.csv_log import NOW

ROWS = ["id,submitted,actor,size"] + [f"{n},2024-01-0{n},Jörg,{n}" for n in range(1, 5)]
READ = [(str(n), "Jörg", f'{{"size":{n}}}') for n in range(1, 5)]


def pieces(path, *, chunk_bytes=1 << 20, after=START, takes_last_line=False, **parts):
    mapping = declare({"inputs": ["size"], **parts})
    source = FileSource(
        path, "csv", "log", mapping, chunk_bytes=chunk_bytes, takes_last_line=takes_last_line
    )
    return list(open_log(source, to_us(NOW)).pieces(after))


def facts(file_pieces: list[FilePiece]):
    rows = [row for piece in file_pieces for row in piece.parsed.records.to_pylist()]
    assert all(piece.parsed.rejects.num_rows == 0 for piece in file_pieces)
    return [(row["source_id"], row["actor"], row["inputs"]) for row in rows]


TEXT = "\n".join(ROWS) + "\n"
FORMS = {
    "line feeds": TEXT.encode(),
    "both": TEXT.replace("\n", "\r\n").encode(),
    "carriage returns doubled": TEXT.replace("\n", "\r\r\n").encode(),
    "carriage returns tripled": TEXT.replace("\n", "\r\r\r\n").encode(),
    "carriage returns only": TEXT.replace("\n", "\r").encode(),
    "line ends of all kinds": TEXT.replace("\n", "\r\r\n", 2)
    .replace("4,2024", "\n4,2024")
    .encode(),
    "form feed before the header": b"\x0c\n" + TEXT.encode(),
    "vertical tabs before the header": b"\x0b\x0b\n" + TEXT.encode(),
    "form feed at the header": b"\x0c" + TEXT.encode(),
    "blank lines before the header": b"\n \r\n\n" + TEXT.encode(),
    "line separators within the header": TEXT.replace("actor", "a\x85b\u2028c,actor")
    .replace(",J", ",x,J")
    .encode(),
    "byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "separator line": b"sep=,\r\n" + TEXT.encode(),
    "separator line for Excel": ("\ufeffsep=;\r\n" + TEXT.replace(",", ";")).encode(),
    "quoted separator line": ('"sep=;"\n' + TEXT.replace(",", ";")).encode(),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16, large end first": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-16 with both": TEXT.replace("\n", "\r\n").encode("utf-16"),
    "UTF-16 with carriage returns only": TEXT.replace("\n", "\r").encode("utf-16"),
    "unnamed columns at the end": TEXT.replace("\n", ",,\n").encode(),
}


@pytest.mark.parametrize("chunk_bytes", [1 << 20, 50])
@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS.keys())
def test_a_table_is_read_however_its_text_is_written(tmp_path, content, chunk_bytes):
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    assert facts(pieces(path, chunk_bytes=chunk_bytes)) == READ
    path.write_bytes(gzip.compress(content))
    assert facts(pieces(path, chunk_bytes=chunk_bytes)) == READ


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS.keys())
def test_reading_goes_on_after_the_last_piece(tmp_path, content):
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    first, *others = pieces(path, chunk_bytes=50)
    assert facts(pieces(path, chunk_bytes=50, after=first.mark)) == facts(others)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16-le", "cp850"])
def test_the_encoding_of_a_file_may_be_named(tmp_path, encoding):
    path = tmp_path / "log.csv"
    path.write_bytes(TEXT.encode(encoding))
    assert facts(pieces(path, encoding=encoding)) == READ


def test_a_file_that_is_not_utf_8_says_so(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(TEXT.encode("cp1252"))
    (piece,) = pieces(path)
    assert "say --encoding cp1252" in piece.parsed.rejects["reason"][0].as_py()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"id": 1}]', "it is JSON; use `runlore ingest jsonl`"),
        (b'\xef\xbb\xbf  {"id": 1}\n{"id": 2}\n', "it is JSON; use `runlore ingest jsonl`"),
        ('[\n {"id": 1}]'.encode("utf-16"), "it is JSON; use `runlore ingest jsonl`"),
        (b"PAR1\x15\x04", "it is a Parquet file; use `runlore ingest parquet`"),
        (b"PK\x03\x04\x14", "it is a workbook or an archive; save it as CSV first"),
        (bz2.compress(b"id,submitted\n"), "it is compressed with bzip2; decompress it first"),
        (lzma.compress(b"id,submitted\n"), "it is compressed with xz; decompress it first"),
        (b"SQLite format 3\x00\x10", "it is an SQLite file; use `runlore ingest sql"),
        (b"", "the file is empty: it has no header line"),
    ],
)
def test_a_file_of_another_format_says_how_it_gets_in(tmp_path, content, message):
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        pieces(path)


def test_a_header_may_begin_like_a_list(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("[id],submitted,size\n1,2024-01-01,5\n")
    assert len(facts(pieces(path))) == 1


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_last_line_without_an_end_is_left_with_its_number(tmp_path, line_end):
    path = tmp_path / "log.csv"
    path.write_bytes(TEXT.replace("\n", line_end).encode().removesuffix(line_end.encode()))
    *_, last = pieces(path, chunk_bytes=50)
    assert last.unfinished_line == 5
    assert facts(pieces(path)) == READ[:3]
    assert facts(pieces(path, takes_last_line=True)) == READ


def test_the_last_line_of_a_gzip_file_is_whole(tmp_path):
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode().removesuffix(b"\n")))
    assert facts(pieces(path)) == READ


def test_a_torn_line_within_quotes_is_left_too(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('id,submitted,size\n1,2024-01-01,"a\nb"\n2,2024-01-02,"c')
    (*_, last) = pieces(path)
    assert last.unfinished_line == 4
    assert [row[0] for row in facts(pieces(path))] == ["1"]
