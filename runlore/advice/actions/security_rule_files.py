"""The files of security rules: those of the package, and those of a folder of the user's."""

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from runlore.advice.rules.security.rule import RefusedRule, RuleSet
from runlore.advice.rules.security.sigma_rules import MAX_BYTES, read_rules
from runlore.kernel.errors import Misconfigured

PACKAGE = "runlore.advice.rules.security"
SUFFIXES = (".yml", ".yaml")
MAX_FILES = 2_000


def load_rules(folder: Path | None = None) -> RuleSet:
    """All rules, parsed once per process for each state of the files.

    folder: of the user's own rules, read with its subfolders. Raises Misconfigured when it is no
    folder. A rule of the user's with the name of one of ours is refused.
    """
    own = tuple(sorted((one.name, one.read_text("utf-8")) for one in _packaged()))
    return _parsed((*own, *_of_folder(folder)) if folder is not None else own)


@lru_cache(maxsize=4)
def _parsed(texts: tuple[tuple[str, str], ...]) -> RuleSet:
    readable = [one for one in texts if one[1] != UNREADABLE]
    rules = read_rules(readable)
    unreadable = tuple(
        RefusedRule(name, f"it is no UTF-8 text of at most {MAX_BYTES:,} bytes", "correct the file")
        for name, text in texts
        if text == UNREADABLE
    )
    return RuleSet(rules.rules, (*unreadable, *rules.refused))


UNREADABLE = "\0"


def _packaged() -> Iterator[Path]:
    folder = Path(str(files(PACKAGE))) / "sigma"
    return folder.glob("*.yml")


def _of_folder(folder: Path) -> Iterator[tuple[str, str]]:
    if not folder.is_dir():
        raise Misconfigured(
            f"RUNLORE_SIGMA_RULES: {folder} is no folder; create it, or leave the setting out"
        )
    paths = sorted(one for one in folder.rglob("*") if one.suffix.lower() in SUFFIXES)
    if len(paths) > MAX_FILES:
        raise Misconfigured(
            f"RUNLORE_SIGMA_RULES: {folder} has {len(paths):,} files; {MAX_FILES:,} may be read"
        )
    for path in paths:
        yield str(path.relative_to(folder)), _text(path)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            return UNREADABLE
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return UNREADABLE
