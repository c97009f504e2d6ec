import { deepStrictEqual, match } from "node:assert/strict";
import { eventTopology, type TopologyConfig } from "../../shared/rabbitmq/topology.ts";
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
  const exchanges = topology.map(({ exchange }) => exchange);
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
});

Deno.test("brokerRoles() grants no right on an exchange that reaches a queue by its name", () => {
  deepStrictEqual(sharedNames(config), []);
});

Deno.test("sharedNames() finds the names of 0.1.0 with which roles could bind", () => {
  const before = { ...config, EVENTS_QUEUE: config.EVENTS_EXCHANGE };
  deepStrictEqual(sharedNames(before), ["casino.events"]);
  match(bindable(before).join("\n"), /casino-subscriber: casino\.events\.dead-letters to casino\.events/);
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
