"""What became of the forecasts of one version, by windows as long as their horizon."""

from typing import LiteralString

from psycopg.rows import class_row

from runlore.signals.queries.forecast_ledger import Connection
from runlore.signals.rules.forecasts.forecast_drift import ForecastWindow

# One forecast of each series a window: those of a horizon overlap, and would count the same values.
WINDOWS: LiteralString = """
WITH scored AS (
    SELECT DISTINCT ON (horizon_s, place, source, name, scope) horizon_s, place,
        least(greatest(error / baseline_error, 0.01), 100) AS ratio,
        inside::float8 / points AS coverage
    FROM (
        SELECT *, floor(extract(epoch FROM issued_at) / horizon_s) AS place
        FROM runlore.series_forecasts
        WHERE spec = %(spec)s AND version = %(version)s AND points > 0 AND baseline_error > 0
    ) AS placed
    ORDER BY horizon_s, place, source, name, scope, issued_at
)
SELECT horizon_s, exp(avg(ln(ratio))) AS ratio, avg(coverage) AS coverage, count(*) AS series
FROM scored GROUP BY horizon_s, place ORDER BY horizon_s, place
"""


def read_windows(connection: Connection, spec: str, version: str) -> list[ForecastWindow]:
    """The oldest first."""
    with connection.cursor(row_factory=class_row(ForecastWindow)) as cursor:
        return cursor.execute(WINDOWS, {"spec": spec, "version": version}).fetchall()
