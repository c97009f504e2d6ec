set -eu

# For deno task provision, which declares and binds all queues and exchanges.
printf '%s\n' "${CASINO_PROVISION_PASSWORD:?}" | rabbitmqctl add_user casino-provision >/dev/null 2>&1 ||
  printf '%s\n' "${CASINO_PROVISION_PASSWORD:?}" | rabbitmqctl change_password casino-provision >/dev/null
rabbitmqctl -q set_permissions -p '/' casino-provision '^(casino\.events\.dead|casino\.events\.dead\-letters|casino\.events\.queue|casino\.events)$' '^(casino\.events\.dead|casino\.events\.dead\-letters|casino\.events\.queue|casino\.events)$' '^(casino\.events\.dead|casino\.events\.dead\-letters|casino\.events\.queue|casino\.events)$'

# For deno task publisher.
printf '%s\n' "${CASINO_PUBLISHER_PASSWORD:?}" | rabbitmqctl add_user casino-publisher >/dev/null 2>&1 ||
  printf '%s\n' "${CASINO_PUBLISHER_PASSWORD:?}" | rabbitmqctl change_password casino-publisher >/dev/null
rabbitmqctl -q set_permissions -p '/' casino-publisher '^$' '^(casino\.events)$' '^$'

# For deno task subscriber, which consumes events and publishes dead letters.
printf '%s\n' "${CASINO_SUBSCRIBER_PASSWORD:?}" | rabbitmqctl add_user casino-subscriber >/dev/null 2>&1 ||
  printf '%s\n' "${CASINO_SUBSCRIBER_PASSWORD:?}" | rabbitmqctl change_password casino-subscriber >/dev/null
rabbitmqctl -q set_permissions -p '/' casino-subscriber '^$' '^(casino\.events\.dead\-letters)$' '^(casino\.events\.queue)$'

# For deno task dead, and for the keeper and dashboard of a subscriber (DEAD_LETTER_RABBITMQ_URL).
printf '%s\n' "${CASINO_DEAD_LETTERS_PASSWORD:?}" | rabbitmqctl add_user casino-dead-letters >/dev/null 2>&1 ||
  printf '%s\n' "${CASINO_DEAD_LETTERS_PASSWORD:?}" | rabbitmqctl change_password casino-dead-letters >/dev/null
rabbitmqctl -q set_permissions -p '/' casino-dead-letters '^$' '^(casino\.events)$' '^(casino\.events\.dead)$'
