"""Files of the home that mention a persona: lines of logs are cleaned, other files deleted."""

import gzip
import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

from runlore.privacy.rules.mentions import Mentions

LOGS = "logs"
# Folders of the home with files that can mention personas -> how deep what is deleted whole lies:
# a report, a version that was fetched, a packaged Bento. The database is searched by its tables.
FOLDERS = {"reports": 1, "serving": 2, "bentoml": 3, "demo": 1, "run": 1}


def clean_home(home: Path, what: Mentions, *, dry_run: bool) -> dict[str, int]:
    """Folder -> files with mentions, which are gone afterwards unless it is a dry run."""
    counts = {}
    for folder, depth in {LOGS: 0, **FOLDERS}.items():
        held = [path for path in files_of(home / folder) if file_mentions(path, what)]
        if held and not dry_run:
            _remove(home / folder, held, depth, what)
        if held:
            counts[folder] = len(held)
    return counts


def files_of(folder: Path) -> Iterator[Path]:
    """All files under a folder, without links."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def file_mentions(path: Path, what: Mentions) -> bool:
    """Whether its name or its content mentions the persona, in archives and tables, too."""
    if any(what.are_in(name) for name in (path.name, path.name.replace(".", " "))):
        return True
    try:
        content = path.read_bytes()
    except OSError:  # it went meanwhile
        return False
    return any(what.are_in_bytes(part) for part in _parts(content))


def _parts(content: bytes) -> Iterator[bytes]:
    yield content
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _parts(archive.read(name))
    elif content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    elif content.startswith(b"PAR1"):
        yield _texts_of_table(content)


def _texts_of_table(content: bytes) -> bytes:
    """The cells of text in a Parquet file, a line each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content))
    texts = [
        str(cell)
        for column in table.columns
        if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)
        for cell in column.unique().to_pylist()
    ]
    return "\n".join([*table.column_names, *texts]).encode()


def _remove(folder: Path, held: list[Path], depth: int, what: Mentions) -> None:
    for path in held:
        if not depth:
            _clean(path, what)
            continue
        whole = folder.joinpath(*path.relative_to(folder).parts[:depth])
        shutil.rmtree(whole) if whole.is_dir() else whole.unlink(missing_ok=True)


def _clean(log: Path, what: Mentions) -> None:
    """In its place: a process that appends to it goes on."""
    with log.open("r+b") as file:
        content = what.bytes_without(file.read())
        file.seek(0)
        file.write(content)
        file.truncate()
    if file_mentions(log, what):  # in its name
        log.rename(log.with_name(log.name.replace(what.name, what.stead)))
