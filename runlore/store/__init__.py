"""PostgreSQL: tables, migrations, COPY, and the embedded server."""
