"""What Snakemake left of its runs, in one file or below a folder: logs and benchmark files."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from runlore.ingest.actions.formats import DIGEST_BYTES, FilePiece, file_digest, opened
from runlore.ingest.queries.ingests import Mark
from runlore.kernel.errors import BadInput
from runlore.records.formats.parsed import REJECT_TYPES, Parsed
from runlore.records.formats.snakemake import SnakemakeReader
from runlore.records.formats.snakemake_benchmarks import (
    BenchmarkFile,
    is_benchmark,
    read_benchmarks,
)

LOG = ".snakemake.log"
BENCHMARKS = frozenset({".tsv", ".txt", ".jsonl", ".benchmark", ".bench", ".csv", ".log", ""})
MAX_BENCHMARK_BYTES = 1 << 20
PAGE_ROWS = 5_000
HEAD_BYTES = 4_096
LOG_WORDS = (b"Building DAG of jobs", b"Workflow ID: ")
NO_REJECTS = REJECT_TYPES.empty_table()


@dataclass(frozen=True)
class SnakemakeFiles:
    """Logs first, each with the benchmark files that it names; then the other benchmark files.

    Any change makes it another log, and it is read from its beginning.
    """

    path: Path
    reader: SnakemakeReader
    logs: tuple[Path, ...] = field(init=False)
    benchmarks: tuple[Path, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path.absolute())
        logs, benchmarks = _logs_and_benchmarks(self.path)
        if not logs and not benchmarks:
            raise BadInput(
                f"{self.path}: there is neither a log of Snakemake (.snakemake/log/*{LOG}) nor a"
                " benchmark file; name the folder in which snakemake ran",
                "file",
            )
        object.__setattr__(self, "logs", logs)
        object.__setattr__(self, "benchmarks", benchmarks)

    def starts_with(self, mark: Mark) -> bool:
        return self._digest() == mark.prefix_digest

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        """One piece for each log, the newest first, then some for the benchmarks that are left.

        Only the last piece has a mark. A benchmark file is of the newest run that wrote it.
        """
        total = len(self.logs) + len(self.benchmarks)
        digest = self._digest()
        if after.prefix_digest == digest:
            return
        measured = read_benchmarks(self._benchmark_files())
        row = 1
        for done, log in enumerate(reversed(self.logs), start=1):
            data = _read(log)
            own = measured["file"].map(partial(_inside, _home(log)))
            parsed, used = self.reader.read_log(
                log.name.removesuffix(LOG), data, row, measured.assign(file=own)
            )
            measured = measured[~own.isin(used)]
            row += data.count(b"\n") + 1
            yield from (FilePiece(page, None, done, total) for page in _pages(parsed))
        names = measured["file"].map(partial(_inside, self._folder))
        others = measured.assign(file=names).reset_index(drop=True)
        parsed = self.reader.read_benchmarks(others, row)
        yield from (FilePiece(page, None, total, total) for page in _pages(parsed))
        nothing = self.reader.read_benchmarks(others[:0], row)
        yield FilePiece(nothing, Mark(total, digest, row + len(others)), total, total)

    @property
    def _folder(self) -> str:
        return str(self.path if self.path.is_dir() else self.path.parent)

    def _benchmark_files(self) -> Iterator[BenchmarkFile]:
        for path in self.benchmarks:
            yield BenchmarkFile(str(path), _read(path), path.stat().st_mtime_ns // 1_000)

    def _digest(self) -> str:
        """Names the content of all files."""
        digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for path in (*self.logs, *self.benchmarks):
            digest.update(f"{path}\0{file_digest(path)}\0".encode())
        return digest.hexdigest()


def _pages(parsed: Parsed) -> Iterator[Parsed]:
    """Some thousand executions at a time; what is rejected or skipped is on the first page."""
    rows = max(parsed.records.num_rows, 1)
    for first in range(0, rows, PAGE_ROWS):
        records = parsed.records.slice(first, PAGE_ROWS)
        yield replace(parsed, records=records) if first == 0 else Parsed(records, NO_REJECTS)


def _logs_and_benchmarks(path: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The logs and the benchmark files at or below a path."""
    if not path.exists():
        raise BadInput(f"{path}: there is no such file or folder", "file")
    files = [path] if path.is_file() else _below(path)
    logs = sorted((file for file in files if file.name.endswith(LOG)), key=lambda log: log.name)
    if path.is_file() and any(word in _head(path) for word in LOG_WORDS):
        logs = [path]
    small = [file for file in files if file == path or _may_be_benchmark(file)]
    benchmarks = [file for file in small if is_benchmark(_head(file))]
    return tuple(logs), tuple(benchmarks)


def _may_be_benchmark(file: Path) -> bool:
    """Whether a file below a folder is worth a look: most files of a workflow are large data."""
    return (
        file.suffix in BENCHMARKS
        and file.is_file()
        and os.access(file, os.R_OK)
        and file.stat().st_size <= MAX_BENCHMARK_BYTES
    )


def _below(folder: Path) -> list[Path]:
    """All files below a folder; of hidden folders only Snakemake's own logs."""
    files: list[Path] = []
    for place, folders, names in os.walk(folder):
        hidden = {name for name in folders if name.startswith(".")} - {".snakemake"}
        folders[:] = sorted(set(folders) - hidden)
        if Path(place).name == ".snakemake":
            folders[:] = ["log"] if "log" in folders else []
        files += [Path(place, name) for name in sorted(names)]
    return files


def _home(log: Path) -> str:
    """The folder in which Snakemake ran, in which its log names files."""
    parents = log.absolute().parents
    return str(parents[2] if parents[1].name == ".snakemake" else parents[0])


def _inside(folder: str, path: str) -> str:
    """The path below a folder, or else the whole path."""
    return path.removeprefix(folder.rstrip("/") + "/")


def _read(path: Path) -> bytes:
    with opened(path) as (stream, _):
        return stream.read()


def _head(path: Path) -> bytes:
    with opened(path) as (stream, _):
        return stream.read(HEAD_BYTES)
