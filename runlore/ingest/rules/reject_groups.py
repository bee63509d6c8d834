"""Rejects by the kind of their reason, each kind with its remedy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from runlore.records.mapping import status_choices

MOST_VALUES = 5
OTHERWISE = "correct these rows and ingest the file again"

# Parts of a kind -> what to do about it; the first that fits counts.
REMEDIES = (
    (
        "is unknown; map it",
        f"--status 'WORD=STATUS', where STATUS is one of {status_choices()}; a * in WORD stands for"
        " any text",
    ),
    (
        "the future",
        "if the times are local, say --timezone; what has not happened yet is judged again at a"
        " later ingest of the same file",
    ),
    (
        "is not an instant",
        "--date-format or --epoch, if all are like that; --missing WORD, if it stands for no time;"
        " export a tool's log again if a spreadsheet changed its times",
    ),
    (
        "is not between 1970 and 2200",
        "--epoch s, ms or us, if the unit is another; --missing WORD, if it stands for no time",
    ),
    ("submitted is empty", "map another column that is always filled: --map submitted=COLUMN"),
    ("time of submission is missing", "export the log with the column that has it"),
    (
        "source_id is empty",
        "--map id=COLUMN with a column that is always filled, or several: --map id=A+B",
    ),
    (
        "is before",
        "check --map: two columns may be swapped; say --timezone if one of them is local; raise"
        " RUNLORE_CLOCK_TOLERANCE_S if clocks differ",
    ),
    ("but its status is", "--status 'WORD=STATUS' with how that work ended, or 'WORD=ignore'"),
    ("duration", "check the column and its unit, or leave it out when `finished` is known"),
    ("fields, not", "put quotes around fields that hold the separator, or say --delimiter"),
    ("quote", "write a quote within a field twice, and close each quote"),
    ("UTF-8", "--encoding, such as cp1252"),
    ("NUL", "export the file as text"),
    ("is longer than", "map a shorter column; ids, actors, kinds and scopes are names"),
    ("if it means no value", "--missing WORD, if it means no value; text:COLUMN, if it is text"),
    ("as often as one may be", "give other work another id, or raise RUNLORE_MAX_REVISIONS"),
)


@dataclass(frozen=True, slots=True)
class RejectGroup:
    """Rejects of one kind. kind: the reason with … for the row's value.

    line, reason, raw: of the first of them. values: some of the values. remedy: what to do.
    """

    kind: str
    rows: int
    line: int
    reason: str
    raw: str
    values: tuple[str, ...]
    remedy: str


def group(
    kind: str, rows: int, first: tuple[int, str, str], examples: Iterable[str]
) -> RejectGroup:
    """first: line, reason and raw text of the first. kind: with {} for values."""
    values = sorted({value for reason in examples if (value := value_in(kind, reason))})
    more = ("…",) if len(values) > MOST_VALUES else ()
    return RejectGroup(
        kind.replace("'{}'", "…").replace("{}", "…"),
        rows,
        *first,
        (*values[:MOST_VALUES], *more),
        remedy(kind),
    )


def remedy(kind: str) -> str:
    """What a person does about rejects of this kind."""
    return next((text for part, text in REMEDIES if part in kind), OTHERWISE)


def value_in(kind: str, reason: str) -> str:
    """The first value that was put into a kind to make this reason.

    >>> value_in("started: '{}' is not an instant", "started: 'soon' is not an instant")
    'soon'
    """
    before, *after = kind.split("{}")
    if not after or not reason.startswith(before):
        return ""
    rest = reason[len(before) :]
    end = rest.rfind(after[0]) if len(after) == 1 else rest.find(after[0])
    return rest[:end] if end > 0 else ""


def group_rejects(rejects: pa.Table) -> list[RejectGroup]:
    """Rejects of one file that are not stored, by kind, the most frequent first."""
    if not rejects.num_rows:
        return []
    frame = rejects.to_pandas().sort_values("line", kind="stable")
    groups = [
        group(
            str(kind),
            len(rows),
            (int(rows["line"].iloc[0]), rows["reason"].iloc[0], rows["raw"].iloc[0]),
            rows["reason"].drop_duplicates().head(MOST_VALUES + 1),
        )
        for kind, rows in frame.groupby("kind", sort=False)
    ]
    return sorted(groups, key=lambda one: (-one.rows, one.line))


def in_sentences(groups: Sequence[RejectGroup]) -> str:
    """One line for an error: how many rows were refused, and most of them why.

    >>> in_sentences([group("value is empty", 3, (2, "value is empty", ""), [])])
    '3 rows were rejected; 3 of them, from line 2 on: value is empty'
    """
    rows = sum(one.rows for one in groups)
    first = groups[0]
    start = f"{rows:,} rows were rejected; {first.rows:,} of them, from line {first.line:,} on"
    return f"{start}: {first.reason}"
