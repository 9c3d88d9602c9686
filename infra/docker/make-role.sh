#!/bin/sh
# Runs once, on an empty data directory: the services' role with its password, before the first migration.
set -eu
password="$(cat /run/secrets/service_db_password)"
psql -v ON_ERROR_STOP=1 -v password="$password" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE tributary_service LOGIN PASSWORD :'password';
SQL
