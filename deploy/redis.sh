#!/bin/sh
# Starts Redis behind a password: redis.sh redis-server OPTIONS…
# The password is made at the first start and kept in /run/facequeue, a volume of its own. Gateways and workers mount that volume
# read-only and take the address with the password from redis.url (REDIS_URL_FILE).
set -eu
umask 077
folder=/run/facequeue
if [ ! -s "$folder/password" ]; then
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$folder/password.new"
  mv "$folder/password.new" "$folder/password"
fi
password=$(cat "$folder/password")
# Their users are others than Redis', so everybody who mounts the volume may read the address.
printf 'redis://:%s@redis:6379\n' "$password" >"$folder/redis.url.new"
chmod 644 "$folder/redis.url.new"
mv "$folder/redis.url.new" "$folder/redis.url"

# On standard input: arguments can be read by everybody on the host.
exec "$@" - <<CONFIG
requirepass $password
CONFIG
