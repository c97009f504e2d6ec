import { deepStrictEqual, match } from "node:assert/strict";
import { eventTopology, exchangesOf, type TopologyConfig } from "../../shared/rabbitmq/topology.ts";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { formerTopology } from "../provision/former.ts";
import { brokerRoles, sharedNames } from "./roles.ts";

const config: TopologyConfig = readConfig(["EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE"], () => undefined);

/**
 * Returns the bindings that RabbitMQ would allow the roles: it compares only names, so a queue and an exchange may
 * match.
 */
function bindable(config: TopologyConfig): string[] {
  const topology = eventTopology(config);
  const exchanges = exchangesOf(topology);
  const targets = [...topology.map(({ name }) => name), ...exchanges];
  return brokerRoles(config).filter(({ user }) => user !== "casino-provision").flatMap(({ user, write, read }) =>
    exchanges.filter((source) => new RegExp(read).test(source)).flatMap((source) =>
      targets.filter((target) => target !== source && new RegExp(write).test(target))
        .map((target) => `${user}: ${target} to ${source}`)
    )
  );
}

Deno.test("brokerRoles() lets no role both write to a name and read an exchange", () => {
  deepStrictEqual(bindable(config), []);
  deepStrictEqual(bindable({ ...config, EVENTS_SHARDS: 4 }), []);
});

Deno.test("brokerRoles() grants no right on an exchange that reaches a queue by its name", () => {
  deepStrictEqual(sharedNames(config), []);
  deepStrictEqual(sharedNames({ ...config, EVENTS_SHARDS: 4 }), []);
});

Deno.test("sharedNames() finds the names of 0.1.0 with which roles could bind", () => {
  const before = { ...config, EVENTS_QUEUE: config.EVENTS_EXCHANGE };
  deepStrictEqual(sharedNames(before), ["casino.events"]);
  match(bindable(before).join("\n"), /casino-subscriber: casino\.events\.dead-letters to casino\.events/);
});

Deno.test("brokerRoles() lets the subscriber read every shard, and publishers write to both exchanges of events", () => {
  const roles = brokerRoles({ ...config, EVENTS_SHARDS: 3 });
  const rights = (user: string, right: "write" | "read", ...names: string[]) =>
    names.filter((name) => new RegExp(roles.find((role) => role.user === user)![right]).test(name));
  const queues = ["casino.events.queue", "casino.events.queue.1", "casino.events.queue.2", "casino.events.queue.3"];
  deepStrictEqual(rights("casino-subscriber", "read", ...queues), queues.slice(0, 3));
  const exchanges = ["casino.events", "casino.events.shards"];
  deepStrictEqual(rights("casino-publisher", "write", ...exchanges, ...queues), exchanges);
  deepStrictEqual(rights("casino-dead-letters", "write", ...exchanges, ...queues), exchanges);
  deepStrictEqual(
    brokerRoles({ ...config, EVENTS_SHARDS: 1 }),
    brokerRoles(config),
    "one shard changes no script of one queue",
  );
});

Deno.test("brokerRoles() also grants members of 0.1.0 their rights on request", () => {
  const roles = brokerRoles(config, formerTopology(config, [1_000]));
  const can = (user: string, right: "configure" | "write" | "read", name: string) =>
    new RegExp(roles.find((role) => role.user === user)![right]).test(name);
  deepStrictEqual([
    can("casino-subscriber", "read", "casino.events"),
    can("casino-subscriber", "write", "casino.events.dead"),
    can("casino-subscriber", "write", "casino.events.delay-1000"),
    can("casino-provision", "configure", "casino.events.delay-1000"),
    can("casino-provision", "configure", "casino.events.dead"),
    can("casino-publisher", "read", "casino.events"),
  ], [true, true, true, true, true, false]);
});
