#!/bin/sh
# Makes infra/secrets for `docker compose up`, with nothing in it that exists already overwritten. Needs openssl.
set -eu
cd "$(dirname "$0")/../.."
umask 077
mkdir -p infra/secrets
cd infra/secrets
keep() { [ -e "$1" ] || cat > "$1"; }
hex() { openssl rand -hex "$1" | tr -d '\n'; }
hex 24 | keep owner_db_password
hex 24 | keep service_db_password
printf 'postgres://tributary:%s@postgres:5432/tributary' "$(cat owner_db_password)" | keep owner_database_url
printf 'postgres://tributary_service:%s@postgres:5432/tributary' "$(cat service_db_password)" | keep database_url
hex 32 | keep identity_secret
printf 'k1:%s' "$(hex 32)" | keep jwt_secrets
hex 32 | keep hash_pepper
# What was sealed under the former name of this file stays readable.
[ ! -e webhook_encryption_key ] || keep webhook_encryption_keys < webhook_encryption_key
openssl rand -base64 32 | tr -d '\n' | keep webhook_encryption_keys
hex 24 | keep grafana_admin_password
printf '' | keep slack_webhook_url
printf '' | keep smtp_password
if [ ! -e tls_key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout tls_key -out tls_certificate 2>/dev/null
fi
# Processes in containers run as users of their own and have to be able to read what is mounted for them.
chmod 644 ./*
echo "infra/secrets is ready. Put a real certificate into tls_certificate and tls_key before the world sees it."
