"""The embedded server is reached whatever the environment says to libpq."""

from pathlib import Path

import psycopg

from runlore.store import embedded


def test_variables_of_libpq_do_not_lead_to_another_server(short_tmp: Path, monkeypatch):
    variables = {
        "PGSERVICE": "billing",
        "PGSERVICEFILE": "/nowhere/pg_service.conf",
        "PGHOST": "db.example.com",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGDATABASE": "billing",
        "PGOPTIONS": "-c search_path=nowhere",
        "PGTARGETSESSIONATTRS": "read-only",
        "PGREQUIREAUTH": "scram-sha-256",
        "PGGSSENCMODE": "require",
        "PGSSLMODE": "verify-full",
        "PGUSER": "somebody",
        "PGPASSWORD": "secret",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with (
        embedded.running(short_tmp / "home") as url,
        psycopg.connect(url.replace("+psycopg", "")) as connection,
    ):
        row = connection.execute("SELECT current_database(), current_user").fetchone()
    assert row == ("runlore", "runlore")
