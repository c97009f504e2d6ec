/** The schemas of `GET /openapi.json`, and what they are built of. */
import { statuses } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { jobActs, jobStates } from "../dead_letters/jobs/job.ts";
import type { Values } from "../enriched/column.ts";
import { columns } from "../enriched/enriched.ts";
import { subscriberStates } from "../metrics/fleet/fleet_view.ts";
import { roles } from "./access/tokens.ts";

export const text = { type: "string" };
export const textOrNull = { type: ["string", "null"] };
export const count = { type: "integer" };
export const countOrNull = { type: ["integer", "null"] };
export const flag = { type: "boolean" };
export const uuid = { type: "string", format: "uuid" };
export const integer = { type: ["integer", "string"], description: "A string of digits if the value is beyond 2^53" };

export const integerOrNull = { ...integer, type: ["integer", "string", "null"] };

/** The schemas, by column type. */
const schemas: Readonly<Record<keyof Values, object>> = {
  ...{ uuid, int8: integer, text, bool: flag, numeric: { type: "number" } },
  timestamptz: { type: "string", format: "date-time" },
};

export const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
export const list = (items: object) => ({ type: "array", items });
export const described = (schema: object, description: string) => ({ ...schema, description });
/** @param required the required properties; all by default */
export const object = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  ...{ type: "object", required, properties },
});

/** The schemas by name: {@linkcode ref}. */
export const componentSchemas = {
  Problem: described(object({ type: text, title: text, status: count, detail: text }), "RFC 9457"),
  Leader: {
    ...described(object({ id: integer, count: integer }), "Players with equal counts: the lowest id"),
    type: ["object", "null"],
  },
  Materialized: object({
    events_total: count,
    events_per_minute: described(count, "Stored in the last 60 s"),
    events_per_second_moving_average: { type: "number", description: "Over the same 60 s" },
    top_player_bets: ref("Leader"),
    top_player_wins: ref("Leader"),
    top_player_deposits: described(ref("Leader"), "count in EUR cents"),
  }),
  History: object({
    at: text,
    step_seconds: count,
    points: list(object({
      at: described(text, "Start of the step"),
      seconds: described(count, "Seconds of the step that have data"),
      stored: count,
      dead: described(count, "Events that were dead-lettered"),
      duplicates: count,
      arrived: described(countOrNull, "Events that arrived: settled events plus the growth of the queue"),
      ready: described(countOrNull, "Highest value at the end of a minute, as in the next three fields"),
      unacknowledged: countOrNull,
      oldest_ms: countOrNull,
      rates_age_ms: countOrNull,
      subscribers: described(countOrNull, "Lowest number of reporting subscribers"),
      latency_ms: {
        ...object({ p50: { type: "number" }, p99: { type: "number" }, events: described(count, "Measured events") }),
        type: ["object", "null"],
        description: "From publication to commit, within 19 %",
      },
    })),
  }),
  Event: eventSchema(),
  Found: object({
    events: described(
      list(object({
        message_id: uuid,
        sent_id: textOrNull,
        state: { enum: ["stored", "held", "dead", "replayed", "dropped", "resolved"] },
        event: { type: ["object", "null"] },
        stations: list(object({ station: text, at: textOrNull, by: textOrNull, detail: text })),
      })),
      "At most 20 events",
    ),
    more: flag,
    verdict: text,
    looked: list(object({ place: text, outcome: text, complete: flag })),
  }),
  CauseGroup: object({
    group: text,
    reason: text,
    cause: described(text, "The detail without its values"),
    letters: count,
    first_at: described(textOrNull, "The earliest last_failed_at in the group"),
    last_at: textOrNull,
    taken: described(
      { type: ["object", "null"] },
      "Who has taken the group: by, at, note and more, the number of letters since then",
    ),
    sample: described(object({ message_id: uuid, detail: text }), "The newest letter"),
  }),
  DeadLetter: object({
    message_id: uuid,
    sent_id: described(textOrNull, "The message id that the publisher sent, if it differs"),
    reason: text,
    detail: text,
    group: described(text, "The same for letters whose reason and detail differ only in values"),
    subscriber: textOrNull,
    first_failed_at: textOrNull,
    last_failed_at: textOrNull,
    attempts: count,
    replays: count,
    status: described(
      { enum: statuses },
      "replayed: published again, which does not mean stored; resolved: the event is stored",
    ),
    number: described(integerOrNull, "Number of the row in the table"),
    previous: described(integerOrNull, "Number of the letter whose replay was dead-lettered as this letter"),
    acted_by: described(textOrNull, "Who replayed, dropped or restored the letter"),
    acted_at: textOrNull,
    stored_by: described(textOrNull, "The subscriber that stored the event"),
    stored_at: textOrNull,
    edits: described(count, "Number of edits"),
    edited: described({ type: ["object", "null"] }, "The last edit, which a replay publishes: by, at, event"),
    event: { type: ["object", "null"] },
    body_problem: textOrNull,
    body_base64: described(text, "The first 4 KiB in a list; the first MiB in the answer for one letter"),
    body_bytes: described(count, "Length of the whole body"),
  }, ["message_id", "reason", "detail", "group", "attempts", "replays", "body_base64", "body_bytes"]),
  LetterHistory: object({
    letters: described(list(ref("DeadLetter")), "One for each time that it died, whatever its status; at most 100"),
    edits: described(
      list(object({
        letter: described(integer, "The number of the letter"),
        ...{ by: text, at: text },
        event: described({ type: "object" }, "What the edit made of it"),
      })),
      "At most 500",
    ),
    more: described(flag, "There are older ones"),
  }),
  Session: object({
    name: textOrNull,
    role: described({ enum: [...roles, null] }, "null: no access, not even the role look"),
    has_tokens: described(flag, "Whether the subscriber has tokens"),
  }),
  Act: object({
    ...{ id: text, begun_at: text, ended_at: textOrNull, who: text, act: text, filter: { type: "object" } },
    peer: described(text, "Address of the client"),
    via: described(text, "The subscriber or the command"),
    state: { enum: ["begun", "done", "failed"] },
    affected: described({ type: ["integer", "null"] }, "Number of affected letters or rows"),
    result: textOrNull,
  }),
  Job: object({
    ...{ id: uuid, act: { enum: jobActs }, state: { enum: jobStates }, filter: { type: "object" } },
    ...{ change: { type: ["object", "null"] }, created_by: text, created_at: text, finished_at: textOrNull },
    rate: described(count, "Highest number of letters a second"),
    total: described(count, "Letters that matched when the job was created"),
    done: count,
    refused: described(count, "Letters that were already replayed ten times, or that the change does not fit"),
    failed: count,
    owner: described(textOrNull, "The subscriber that runs the job"),
    problem: textOrNull,
    stored: described(count, "For a replay: letters whose events are stored by now"),
    died: described(count, "For a replay: letters that failed again with the same cause"),
    deaths: list(object({ message_id: uuid, reason: text, detail: text })),
  }, ["id", "act", "state", "rate", "total", "done", "refused", "failed"]),
  Edit: object({
    message_id: uuid,
    number: integer,
    before: described({ type: ["object", "null"] }, "null if the body is not a protobuf message"),
    after: { type: ["object", "null"] },
    problem: described(textOrNull, "Why the change does not fit"),
  }),
  Subscriber: object({
    ...{ id: text, version: text, state: { enum: subscriberStates }, since: text, events: count, batches: count },
    oldest_ms: described(count, "Time since the publication of the oldest event in hand; 0 without events in hand"),
    ...{ last_error: textOrNull, last_error_at: textOrNull },
    heard_ms: described(count, "Age of this report"),
  }),
  Readiness: object({
    ready: flag,
    why_not: list(text),
    consumers: { type: ["integer", "null"] },
    subscribers: described(list(ref("Subscriber")), "All subscribers, stuck ones first"),
    dependencies: list(object({ name: text, ok: flag, required: flag, problem: textOrNull })),
  }),
};

/** Returns the schema of a stored event, as json_line.ts writes it. */
function eventSchema(): ReturnType<typeof object> {
  const event = object({});
  const inner: Record<string, ReturnType<typeof object>> = {};
  for (const { type, nullable, json } of columns) {
    if (!json) continue;
    const schema = json.inside === undefined
      ? event
      : event.properties[json.inside] = inner[json.inside] ??= object({});
    schema.properties[json.key] = { ...schemas[type], ...json.schema };
    if (!nullable) schema.required.push(json.key);
  }
  return event;
}
