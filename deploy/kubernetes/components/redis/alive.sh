# Redis reads its certificate and start.sh its passwords at the start only: with others it is started again.
set -eu
# NOAUTH is an answer, too: the probe needs no password.
redis-cli --tls --cacert /run/tls/ca.crt --cert /run/tls/tls.crt --key /run/tls/tls.key ping
[ "$(cat /run/tls/* /run/passwords/* | sha256sum)" = "$(cat /tmp/secrets.sum)" ]
