"""Writing the page: whole or not at all, and never over something else."""

import os
import tempfile
from pathlib import Path

from runlore.kernel.errors import BadInput
from runlore.look.views.layout import GENERATOR

HEAD_BYTES = 1_000


def default_path(log: Path) -> Path:
    """In the current folder, named after the log."""
    name = log.resolve().name.removesuffix(".gz")
    return Path(f"{name.rsplit('.', 1)[0] or name}.look.html")


def refuse_other_file(path: Path, *, force: bool) -> None:
    """Raise BadInput where writing would replace something that is not a page of a look."""
    if path.is_dir():
        raise BadInput(f"{path}: is a folder; name a file with --output", "output")
    if not path.parent.is_dir():
        raise BadInput(f"{path}: there is no folder {path.parent}", "output")
    if force or not path.exists():
        return
    with path.open("rb") as file:
        if GENERATOR.encode() not in file.read(HEAD_BYTES):
            raise BadInput(
                f"{path}: exists and is no page of `runlore look`; name another file with --output,"
                " or replace it with --force",
                "output",
            )


def write_page(path: Path, page: str) -> None:
    """Replace the file in one step: an interrupted look leaves an older page as it was."""
    handle, name = tempfile.mkstemp(prefix=".look-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(page)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
