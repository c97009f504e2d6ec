# Fails when the certificate or a password has changed: Redis and start.sh read them only at the start.
set -eu
# The reply NOAUTH also exits with 0, so the probe needs no password.
redis-cli --tls --cacert /run/tls/ca.crt --cert /run/tls/tls.crt --key /run/tls/tls.key ping
[ "$(cat /run/tls/* /run/passwords/* | sha256sum)" = "$(cat /tmp/secrets.sum)" ]
