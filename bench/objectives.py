"""How long an objective over executions takes, and that it does not grow with the history.

    python bench/objectives.py --a-month 100000 --months 1 12

A home is made in a temporary folder: executions that last minutes, 2 % of them failed, 1 %
corrected later. Each figure is the median of five; beside it a plain count of all failures.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runlore.settings import Settings
from runlore.signals.actions.objectives import read_objective, watch_objectives
from runlore.specs.objective_spec import ExecutionEvents, ObjectiveSpec
from runlore.store.engine import Store, open_store
from runlore.store.partitions import ensure_months

END = datetime(2026, 6, 1, tzinfo=UTC)
SPEC = ObjectiveSpec("runs", ExecutionEvents(), 0.99)
MONTH = timedelta(days=30)
FILL = """
INSERT INTO runlore.executions (source, source_id, submitted, revision, actor, kind, scope, started,
    finished, status, submission_known_at, known_at, digest)
SELECT 'bench', run::text, at, revision, 'a' || run %% 50, 'k' || run %% 20, 's' || run %% 5,
    at + interval '3 s', at + interval '9 min', CASE WHEN run %% 50 = 0 THEN 'failed'
        ELSE 'succeeded' END, at, at + interval '9 min' + revision * interval '1 h', run
FROM (SELECT run, %(first)s::timestamptz + run * %(gap)s::interval AS at
    FROM generate_series(0, %(count)s - 1) AS run) AS runs
CROSS JOIN LATERAL generate_series(0, (run %% 100 = 7)::int) AS revision ORDER BY at
"""


def fill(store: Store, months: int, a_month: int) -> None:
    first = END - months * MONTH
    with store.connect() as connection:
        ensure_months(connection, "executions", first, END)
    values = {"first": first, "gap": MONTH / a_month, "count": months * a_month}
    with store.connect() as connection:
        connection.execute(FILL, values)
        connection.execute("ANALYZE runlore.executions")


def seconds(work: Callable[[], object]) -> float:
    took = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def count_all(store: Store) -> None:
    with store.connect() as connection:
        connection.execute("SELECT count(*) FROM runlore.executions WHERE status = 'failed'")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--a-month", type=int, default=100_000)
    parser.add_argument("--months", type=int, nargs="+", default=[1, 12])
    options = parser.parse_args()
    for months in options.months:
        with (
            tempfile.TemporaryDirectory() as home,
            open_store(Settings(home=Path(home), database_url=None)) as store,
        ):
            fill(store, months, options.a_month)
            read = seconds(lambda store=store: read_objective(store, SPEC, END))
            watch = seconds(lambda store=store: watch_objectives(store, [SPEC], END))
            whole = seconds(lambda store=store: count_all(store))
            print(
                f"{months} months of {options.a_month:,}: status {read:.3f} s,"
                f" watch {watch:.3f} s; all failures counted {whole:.3f} s"
            )


if __name__ == "__main__":
    main()
