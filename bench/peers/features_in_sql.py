"""The history features of `bench/features.py` as one query of DuckDB's."""

from collections.abc import Mapping

HISTORY = """
WITH told AS (
    SELECT {keys}, submitted, known_at, seq, {weights},
        (status <> 'succeeded')::DOUBLE AS failed, ln(1 + (finished - started) / 1e6) AS log
    FROM facts, (SELECT min(submitted) AS start FROM facts)
), {left}, known AS (
    SELECT {told_keys}, known_at, failed, log, row_number() OVER past AS n,
        coalesce(lag(failed) OVER past, failed) AS failed_before,
        coalesce(lag(log) OVER past, log) AS log_before, {sums}
    FROM told {outcome_joins}
    WINDOW past AS (PARTITION BY {told_keys} ORDER BY known_at, seq ROWS UNBOUNDED PRECEDING)
), ran AS (
    SELECT {told_keys}, submitted, seq, row_number() OVER past AS n,
        lag(submitted) OVER past AS earlier, {submissions}
    FROM told {submission_joins}
    WINDOW past AS (PARTITION BY {told_keys} ORDER BY submitted, seq ROWS UNBOUNDED PRECEDING)
)
SELECT {columns}
FROM ran ASOF LEFT JOIN known ON {same} AND ran.submitted >= known.known_at
ORDER BY seq
"""
TERMS = {"": "1", "_failed": "failed", "_log": "log", "_square": "log * log"}


def query(keys: tuple[str, ...], weights_us: Mapping[str, float], block_size: int) -> str:
    """The features of one history. weights_us: name of each half-life -> its length, µs."""
    weights, left, outcome_joins, submission_joins, sums, submissions = [], [], [], [], [], []
    for w, us in weights_us.items():
        for instant, prefix in (("known_at", ""), ("submitted", "r_")):
            age = f"({instant} - start) / {us:.1f}"
            block = f"floor({age} / {block_size})"
            weights.append(f"{block} AS {prefix}b_{w}")
            weights.append(f"pow(2.0, {age} - {block_size} * {block}) AS {prefix}{w}")
        for prefix, instant, terms, joins, into in (
            ("", "known_at", TERMS, outcome_joins, sums),
            ("r_", "submitted", {"": "1"}, submission_joins, submissions),
        ):
            table = f"{prefix}left_{w}"
            totals = ", ".join(f"sum({prefix}{w} * {x}) AS s{end}" for end, x in terms.items())
            left.append(
                f"{table} AS (SELECT {', '.join(keys)}, {prefix}b_{w} + 1 AS b, {totals} FROM told"
                f" GROUP BY {', '.join(keys)}, {prefix}b_{w})"
            )
            on = " AND ".join(f"told.{key} = {table}.{key}" for key in keys)
            joins.append(f"LEFT JOIN {table} ON {on} AND told.{prefix}b_{w} = {table}.b")
            part = ", ".join(f"told.{key}" for key in keys)
            window = (
                f"(PARTITION BY {part}, {prefix}b_{w} ORDER BY {instant}, seq"
                " ROWS UNBOUNDED PRECEDING)"
            )
            into += [
                f"(sum({prefix}{w} * {x}) OVER {window}"
                f" + coalesce({table}.s{end}, 0) * pow(2.0, -{block_size})) / {prefix}{w}"
                f" AS {prefix}{w}{end}"
                for end, x in terms.items()
            ]
    return HISTORY.format(
        keys=", ".join(keys),
        told_keys=", ".join(f"told.{key}" for key in keys),
        weights=", ".join(weights),
        left=", ".join(left),
        outcome_joins=" ".join(outcome_joins),
        submission_joins=" ".join(submission_joins),
        sums=", ".join(sums),
        submissions=", ".join(submissions),
        columns=", ".join(f"({c})::FLOAT AS c{i}" for i, c in enumerate(_columns(weights_us))),
        same=" AND ".join(f"ran.{key} = known.{key}" for key in keys),
    )


def _columns(weights_us: Mapping[str, float]) -> list[str]:
    faded = {
        w: f"pow(2.0, (known.known_at - submitted) / {us:.1f})" for w, us in weights_us.items()
    }
    columns = [
        "ran.n - 1 - coalesce(known.n, 0)",
        "(submitted - earlier) / 1e6",
        "(submitted - known.known_at) / 1e6",
        *(f"r_{w} - 1" for w in weights_us),
        "failed",
        "(failed + failed_before) / 2",
        *(c for w in weights_us for c in (f"coalesce({w} * {faded[w]}, 0)", f"{w}_failed / {w}")),
        "log",
        "(log + log_before) / 2",
    ]
    for w in weights_us:
        columns += [
            f"{w}_log / {w}",
            f"CASE WHEN {w} > 0 THEN sqrt(greatest({w}_square / {w} - ({w}_log / {w}) ** 2, 0)) END",  # noqa: E501
        ]
    return columns
