/** `GET /openapi.json`. tests/scenarios/watching/http_scenario.ts holds the answers to its schemas. */
import { version } from "../../shared/runtime/configuration/command.ts";
import { eventTypes } from "../../shared/event/kinds.ts";
import { columns, type Values } from "../enriched/columns.ts";
import { mostKept } from "../metrics/recent_events.ts";

const integer = { type: ["integer", "string"], description: "A string of digits beyond 2^53" } as const;
const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
});
const json = (description: string, schema: object) => ({ description, content: { "application/json": { schema } } });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const errors = {
  "429": problem("More than 50 requests a second"),
  "503": problem("What was to be asked does not answer"),
  "504": problem("No answer in time"),
};
const secured = {
  security: [{ token: [] }],
};
const refusals = {
  "400": problem("What was asked is not clear"),
  "401": problem("No token, or another"),
  "403": problem("The subscriber has no HTTP_TOKEN"),
  ...errors,
};
const id = { name: "id", in: "path", required: true, schema: { type: "string", format: "uuid" } };
const reason = {
  name: "reason",
  in: "query",
  schema: { type: "string" },
  description: "One or more, with commas between",
};
const all = { name: "all", in: "query", schema: { const: "true" }, description: "In place of reason: all of them" };
const limit = (most: number) => ({
  ...{ name: "limit", in: "query", schema: { type: "integer", minimum: 1, maximum: most, default: 100 } },
});
const replays = {
  type: "object",
  required: ["replayed", "refused", "failed"],
  properties: {
    replayed: { type: "integer" },
    refused: { type: "integer", description: "Replayed ten times already" },
    failed: { type: "integer" },
  },
};
const dropped = { type: "object", required: ["dropped"], properties: { dropped: { type: "integer" } } };

const schemas: Readonly<Record<keyof Values, object>> = {
  uuid: { type: "string", format: "uuid" },
  int8: integer,
  text: { type: "string" },
  bool: { type: "boolean" },
  timestamptz: { type: "string", format: "date-time" },
  numeric: { type: "number" },
};

interface Schema {
  readonly type: "object";
  readonly required: string[];
  readonly properties: Record<string, object>;
}

export const openApi = {
  openapi: "3.1.0",
  info: {
    title: "Casino events: a subscriber",
    version,
    description: "What all subscribers have stored, how this one does, and dead letters.",
  },
  paths: {
    "/materialized": {
      get: {
        summary: "Sums over all that every subscriber has stored; each event counts once",
        responses: { "200": json("The same from every subscriber", ref("Materialized")), ...errors },
      },
    },
    "/overview": {
      get: {
        summary: "All that the dashboard shows; what cannot be had is null, and problems says why",
        responses: { "200": json("At this moment", { type: "object" }), ...errors },
      },
    },
    "/events": {
      get: {
        summary: "The newest events that this subscriber has stored; of a large batch only some",
        parameters: [
          limit(mostKept),
          {
            ...{
              name: "type",
              in: "query",
              description: `One or more of ${eventTypes.join(", ")}, with commas between`,
            },
            schema: { type: "string" },
          },
          { name: "player_id", in: "query", schema: integer },
        ],
        responses: {
          "200": {
            description: "Newest first; with Accept: text/event-stream as they come, at most 20 a second",
            content: {
              "application/json": {
                schema: { type: "object", properties: { events: { type: "array", items: ref("Event") } } },
              },
              "text/event-stream": {
                schema: {
                  type: "string",
                  description: "event: event, its data an Event; event: sampled, {shown, skipped}",
                },
              },
            },
          },
          "400": problem("A parameter that is not known, or out of its range"),
          ...errors,
        },
      },
    },
    "/dead-letters": {
      get: {
        ...{ summary: "Dead letters, oldest first", parameters: [limit(500), reason], ...secured },
        responses: {
          "200": json("How many there are, and those asked for", {
            type: "object",
            required: ["total", "dead_letters"],
            properties: { total: { type: "integer" }, dead_letters: { type: "array", items: ref("DeadLetter") } },
          }),
          ...refusals,
        },
      },
      delete: {
        ...{ summary: "Drop them for good", parameters: [reason, all], ...secured },
        responses: { "200": json("How many", dropped), ...refusals },
      },
    },
    "/dead-letters/replay": {
      post: {
        ...{ summary: "Publish them again under their own ids", parameters: [reason, all], ...secured },
        responses: { "200": json("What became of them", replays), ...refusals },
      },
    },
    "/dead-letters/{id}": {
      get: {
        ...{ summary: "One dead letter", parameters: [id], ...secured },
        responses: { "200": json("It", ref("DeadLetter")), "404": problem("Not there"), ...refusals },
      },
      delete: {
        ...{ summary: "Drop it for good", parameters: [id], ...secured },
        responses: { "200": json("Done", dropped), "404": problem("Not there"), ...refusals },
      },
    },
    "/dead-letters/{id}/replay": {
      post: {
        ...{ summary: "Publish it again under its own id", parameters: [id], ...secured },
        responses: { "200": json("What became of it", replays), "404": problem("Not there"), ...refusals },
      },
    },
    "/health/live": { get: { summary: "The process answers", responses: { "200": json("Yes", { type: "object" }) } } },
    "/health/ready": {
      get: {
        summary: "Whether it can do its work, and why not",
        responses: { "200": json("Ready", ref("Readiness")), "503": json("Not ready", ref("Readiness")) },
      },
    },
    "/metrics": {
      get: {
        summary: "Prometheus's text format",
        responses: {
          "200": { description: "Now", content: { "text/plain": { schema: { type: "string" } } } },
          ...errors,
        },
      },
    },
  },
  components: {
    securitySchemes: { token: { type: "http", scheme: "bearer", description: "HTTP_TOKEN of the subscriber" } },
    schemas: {
      Problem: {
        ...{ type: "object", required: ["type", "title", "status", "detail"], description: "RFC 9457" },
        properties: {
          type: { type: "string" },
          title: { type: "string" },
          status: { type: "integer" },
          detail: { type: "string" },
        },
      },
      Leader: {
        ...{ type: ["object", "null"], required: ["id", "count"], description: "Of equals the lowest id" },
        properties: { id: integer, count: integer },
      },
      Materialized: {
        type: "object",
        required: [
          ...["events_total", "events_per_minute", "events_per_second_moving_average"],
          ...["top_player_bets", "top_player_wins", "top_player_deposits"],
        ],
        properties: {
          events_total: { type: "integer" },
          events_per_minute: { type: "integer", description: "Stored in the last 60 s" },
          events_per_second_moving_average: { type: "number", description: "Over the same 60 s" },
          top_player_bets: ref("Leader"),
          top_player_wins: ref("Leader"),
          top_player_deposits: { ...ref("Leader"), description: "count in EUR cents" },
        },
      },
      Event: eventSchema(),
      DeadLetter: {
        ...{ type: "object", required: ["message_id", "reason", "detail", "attempts", "replays", "body_base64"] },
        properties: {
          message_id: { type: "string", format: "uuid" },
          sent_id: { type: ["string", "null"], description: "As its publisher sent it, where that is another text" },
          reason: { type: "string" },
          detail: { type: "string" },
          subscriber: { type: ["string", "null"] },
          first_failed_at: { type: ["string", "null"] },
          last_failed_at: { type: ["string", "null"] },
          attempts: { type: "integer" },
          replays: { type: "integer" },
          event: { type: ["object", "null"] },
          body_problem: { type: ["string", "null"] },
          body_base64: { type: "string", description: "In a list, of its first 4 KiB" },
          body_bytes: { type: "integer", description: "In a list: how long it is" },
        },
      },
      Readiness: {
        ...{ type: "object", required: ["ready", "why_not", "consumers", "dependencies"] },
        properties: {
          ready: { type: "boolean" },
          why_not: { type: "array", items: { type: "string" } },
          consumers: { type: ["integer", "null"] },
          dependencies: {
            type: "array",
            items: {
              type: "object",
              properties: {
                name: { type: "string" },
                ok: { type: "boolean" },
                required: { type: "boolean" },
                problem: { type: ["string", "null"] },
              },
            },
          },
        },
      },
    },
  },
} as const;

/** Of a stored event, as json_line.ts writes it. */
function eventSchema(): Schema {
  const event: Schema = { type: "object", required: [], properties: {} };
  for (const { type, nullable, json } of columns) {
    if (!json) continue;
    let schema = event;
    if (json.inside !== undefined) {
      schema = event.properties[json.inside] as Schema ??
        (event.properties[json.inside] = { type: "object", required: [], properties: {} });
    }
    schema.properties[json.key] = { ...schemas[type], ...json.schema };
    if (!nullable) schema.required.push(json.key);
  }
  return event;
}
