#!/usr/bin/env bash
# Runs once, when the volume is new: a role with a database of its own for each program.
set -euo pipefail

for name in runlore mlflow prefect; do
  secret="${name^^}_DB_PASSWORD"
  psql --username "$POSTGRES_USER" --dbname postgres --no-psqlrc --quiet \
    --set ON_ERROR_STOP=1 --set name="$name" --set secret="${!secret:?}" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'secret';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
