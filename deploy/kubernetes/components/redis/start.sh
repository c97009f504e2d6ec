# Redis reads rules and passwords from one file. This script writes it: rules from the ConfigMap, and hashes of the
# passwords from the Secret. The user `default` is off.
set -eu
cat /run/tls/* /run/passwords/* | sha256sum > /tmp/secrets.sum
echo "user default off" > /tmp/users.acl
while read -r user rules; do
  hash=$(printf %s "$(cat "/run/passwords/$user")" | sha256sum | cut -d " " -f 1)
  echo "user $user on #$hash $rules" >> /tmp/users.acl
done < /etc/redis/users

# The host name decides which one is the primary. The replica's password never appears on a command line.
primary=$(cat /etc/redis/primary)
[ "$HOSTNAME" = "$primary" ] && exec redis-server /etc/redis/redis.conf
cp /etc/redis/redis.conf /tmp/redis.conf
{
  echo "replicaof $primary.redis-nodes.casino-events.svc 6379"
  echo "masteruser casino-replica"
  # Not echo, because dash's echo interprets backslashes.
  printf 'masterauth "%s"\n' "$(sed 's/[\\"]/\\&/g' /run/passwords/casino-replica)"
} >> /tmp/redis.conf
exec redis-server /tmp/redis.conf
