/** Somebody has set new passwords on the servers, and gone home without restarting the subscribers. */
import type { Story } from "./night.ts";

const passwords = "Passwords of RabbitMQ, Redis and Postgres";

export const rotatedPassword: Story = async (night, system) => {
  await night.follows("rotation.md", passwords, "cp -p casino.env", "roles rabbitmq", "close_all_user_connections");
  await system.publish(200);
  await night.sees({
    title: "3 problems",
    problem: /^RabbitMQ is not available .*ACCESS.REFUSED/,
    status: /, no subscriber is consuming$/m,
    alert: ["CasinoDependencyDown", /^rabbitmq is down for at least one subscriber$/m],
  });
  await night.follows("rotation.md", passwords, 'kill "$(cat subscriber-$n.pid)"');
  await night.follows(
    "rotation.md",
    passwords,
    'psql "$DATABASE_URL"',
    "authenticate_user",
    "ping",
    "rm casino.env.old",
  );
};
