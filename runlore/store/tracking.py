"""MLflow's tables: in the same database, in a schema of their own.

Both sides keep an `alembic_version`, and the embedded server's role is named like our schema,
which PostgreSQL searches first: without a schema of its own MLflow would find our version.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.engine import make_url

from runlore.store.engine import Store

SCHEMA = "mlflow"
LOCK = 7_236_950_202
HAS_ALIASES = text("SELECT to_regclass('registered_model_aliases')")


def tracking_url(store: Store) -> str:
    """The address under which MLflow keeps its records here; it may hold a password."""
    with store.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    url = make_url(store.url)
    own_options = str(url.query.get("options", ""))
    options = f"{own_options} -csearch_path={SCHEMA}".strip()
    return url.update_query_dict({"options": options}).render_as_string(hide_password=False)


def is_used(tables: Store) -> bool:
    """Whether MLflow has made its tables. tables: a store at `tracking_url`."""
    with tables.begin() as connection:
        return connection.scalar(HAS_ALIASES) is not None


def aliases(tables: Store, models: Sequence[str], tag: str) -> list[tuple[str, str, str, str]]:
    """`(model, alias, version, the version's tag)` of MLflow's aliases, in one statement.

    MLflow itself takes six statements of several milliseconds each, too slow for polling.
    tables: a store at `tracking_url`.
    """
    statement = text(
        "SELECT a.name, a.alias, a.version::text, coalesce(t.value, '')"
        " FROM registered_model_aliases a LEFT JOIN model_version_tags t"
        " ON t.name = a.name AND t.version = a.version AND t.workspace = a.workspace"
        " AND t.key = :tag WHERE a.name = ANY(:models)"
    )
    with tables.begin() as connection:
        rows = connection.execute(statement, {"models": list(models), "tag": tag})
        return [(model, alias, version, value) for model, alias, version, value in rows]
