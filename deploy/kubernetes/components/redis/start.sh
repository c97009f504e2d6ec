# Redis keeps rules and passwords in one file: the rules come from the ConfigMap, the passwords from the Secret, and of
# these only a hash is written. The user `default` is off.
set -eu
cat /run/tls/* /run/passwords/* | sha256sum > /tmp/secrets.sum
echo "user default off" > /tmp/users.acl
while read -r user rules; do
  hash=$(printf %s "$(cat "/run/passwords/$user")" | sha256sum | cut -d " " -f 1)
  echo "user $user on #$hash $rules" >> /tmp/users.acl
done < /etc/redis/users

# Which of the two it is says its own name. The replica's password never stands on the command line.
primary=$(cat /etc/redis/primary)
[ "$HOSTNAME" = "$primary" ] && exec redis-server /etc/redis/redis.conf
cp /etc/redis/redis.conf /tmp/redis.conf
{
  echo "replicaof $primary.redis-nodes.casino-events.svc 6379"
  echo "masteruser casino-replica"
  # Not echo: that of dash takes backslashes for its own.
  printf 'masterauth "%s"\n' "$(sed 's/[\\"]/\\&/g' /run/passwords/casino-replica)"
} >> /tmp/redis.conf
exec redis-server /tmp/redis.conf
