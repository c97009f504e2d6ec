/** `GET /openapi.json`. tests/scenarios/watching/http_scenario.ts checks the answers against its schemas. */
import { statuses } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { eventTypes } from "../../shared/event/kinds.ts";
import { version } from "../../shared/runtime/configuration/command.ts";
import { jobActs, jobStates } from "../dead_letters/jobs/job.ts";
import type { Values } from "../enriched/column.ts";
import { columns } from "../enriched/enriched.ts";
import { subscriberStates } from "../metrics/fleet/fleet_view.ts";
import { roles } from "./access/tokens.ts";
import { mostKept } from "../metrics/recent_events.ts";

const text = { type: "string" };
const textOrNull = { type: ["string", "null"] };
const count = { type: "integer" };
const countOrNull = { type: ["integer", "null"] };
const flag = { type: "boolean" };
const uuid = { type: "string", format: "uuid" };
const integer = { type: ["integer", "string"], description: "A string of digits if the value is beyond 2^53" };

const integerOrNull = { ...integer, type: ["integer", "string", "null"] };

/** The schemas, by column type. */
const schemas: Readonly<Record<keyof Values, object>> = {
  ...{ uuid, int8: integer, text, bool: flag, numeric: { type: "number" } },
  timestamptz: { type: "string", format: "date-time" },
};

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const list = (items: object) => ({ type: "array", items });
const described = (schema: object, description: string) => ({ ...schema, description });
/** @param required the required properties; all by default */
const object = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  ...{ type: "object", required, properties },
});

const json = (description: string, schema: object) => ({ description, content: { "application/json": { schema } } });
const problem = (description: string) => ({
  ...{ description, content: { "application/problem+json": { schema: ref("Problem") } } },
});
const errors = {
  "429": problem("More than 50 requests a second, or too many wrong tokens"),
  "503": problem("A server that the request needs does not answer"),
  "504": problem("The request timed out"),
};
const refusals = {
  "400": problem("A parameter is unknown or not valid"),
  "401": problem("The token is missing or wrong"),
  "403": problem("The token's role does not permit the request, or the subscriber has no tokens"),
  ...errors,
};

const query = (name: string, schema: object, description?: string) => ({
  ...{ name, in: "query", schema },
  ...(description !== undefined && { description }),
});
const limit = (maximum: number) => query("limit", { type: "integer", minimum: 1, maximum, default: 100 });
const time = "RFC 3339, or a duration before now: 30m, 2h, 7d";
/** The filter for dead letters: all given conditions must match. */
const filter = [
  query("status", text, "Comma-separated list of dead, replayed, dropped, resolved; or any. Default: dead"),
  query("reason", text, "Comma-separated reasons"),
  query("id", text, "Comma-separated message ids"),
  query("group", text, "Comma-separated groups, as in /dead-letters/groups"),
  query("since", text, `Last failed at this time or later: ${time}`),
  query("until", text, `Last failed before this time: ${time}`),
  query("player_id", integer),
  query("event_id", integer),
  query("text", text, "Text in the detail, case-insensitive"),
];
const order = query("order", { enum: ["oldest", "newest"], default: "oldest" }, "Sort order");
const change = [
  query(
    "set",
    text,
    "A field to change, such as currency=EUR; may be repeated. An empty value removes the field",
  ),
  query("where", text, "Only events whose field has this value; an empty value means a missing field; may be repeated"),
  query("json", text, "The whole event as JSON, instead of set and where"),
];
const after = query("after", text, "The value of next from the previous page");
const all = query("all", { const: "true" }, "All dead letters, instead of a filter");
const group = { name: "group", in: "path", required: true, schema: text };
const note = query("note", text, "A note, such as a ticket's number");
const id = { name: "id", in: "path", required: true, schema: uuid };

/** Reading needs the role `look`, unless reading is open. Changes need the role `act`. */
const secured = (summary: string, parameters: object[], ok: object) => ({
  ...{ summary, parameters, security: [{ token: [] }], responses: { "200": ok, ...refusals } },
});
const ofOne = (summary: string, ok: object) => ({
  ...{ summary, parameters: [id], security: [{ token: [] }] },
  responses: { "200": ok, "404": problem("There is no such letter or job"), ...refusals },
});
const replays = object({
  replayed: count,
  refused: described(count, "Already replayed ten times"),
  failed: count,
});
const dropped = object({ dropped: count });
const restored = object({ restored: count });

export const openApi = {
  openapi: "3.1.0",
  info: {
    title: "Casino events: a subscriber",
    version,
    description: "Totals of all subscribers, the state of this subscriber, and dead letters.",
  },
  paths: {
    "/materialized": {
      get: {
        summary: "Totals of all stored events; each event counts once",
        responses: { "200": json("The totals; every subscriber returns the same", ref("Materialized")), ...errors },
      },
    },
    "/overview": {
      get: {
        summary:
          "Everything that the dashboard shows; a value that cannot be read is null, and problems gives the reason",
        responses: { "200": json("The current overview", { type: "object" }), ...errors },
      },
    },
    "/history": {
      get: {
        summary: "The system's history, one point for each step, oldest first",
        parameters: [
          query("hours", { type: "integer", minimum: 1, maximum: 2_160, default: 48 }, "Length of the history"),
        ],
        responses: {
          "200": json("The history; every subscriber returns the same", ref("History")),
          "400": problem("hours is not valid"),
          ...errors,
        },
      },
    },
    "/events": {
      get: {
        summary: "The newest events that this subscriber has stored; a sample of large batches",
        parameters: [
          limit(mostKept),
          query("type", text, `Comma-separated list of ${eventTypes.join(", ")}`),
          query("player_id", integer),
        ],
        responses: {
          "200": {
            description: "Newest first; with Accept: text/event-stream, a stream of new events, at most 20 a second",
            content: {
              "application/json": { schema: object({ events: list(ref("Event")) }) },
              "text/event-stream": {
                schema: described(
                  text,
                  "event: event, with an Event as data; event: sampled, with {shown, skipped} as data",
                ),
              },
            },
          },
          "400": problem("A parameter is unknown or not valid"),
          ...errors,
        },
      },
    },
    "/find": {
      get: {
        summary: "Where an event is, and what happened to it",
        parameters: [
          query("id", text, "An event id, a message id in any form, or the id that the publisher sent"),
          query("player_id", integer, "Instead of id; requires at"),
          query("at", text, "Time of the event, UTC unless it has a zone: 2022-02-02T12:34"),
          query("within", text, "Duration to search before and after at: 90s, 5m, 2h, up to 24h; default 5m"),
        ],
        responses: {
          "200": json("The events found; looked lists the places, and whether each could be searched", ref("Found")),
          "400": problem("A parameter is unknown or not valid"),
          ...errors,
        },
      },
    },
    "/dead-letters": {
      get: secured(
        "Dead letters, page by page",
        [limit(500), order, after, ...filter],
        json(
          "A page of dead letters, and counts",
          object({
            total: described(count, "Number of all dead letters in the table, whether they match or not"),
            waiting: described(
              countOrNull,
              "Number of letters in the queue, which no keeper has moved into the table yet",
            ),
            next: described(textOrNull, "Value of after for the next page; null on the last page"),
            dead_letters: list(ref("DeadLetter")),
          }),
        ),
      ),
      delete: secured("Drops dead letters", [...filter, all], json("Number of dropped letters", dropped)),
    },
    "/dead-letters/groups": {
      get: secured(
        "Dead letters grouped by cause, largest group first",
        filter,
        json("At most 1,000 groups", object({ groups: list(ref("CauseGroup")) })),
      ),
    },
    "/dead-letters/groups/{group}/take": {
      post: {
        ...secured(
          "Takes a group: the dashboard's headline ignores its letters until it grows",
          [group, note],
          json("Number of letters in the group", object({ taken: count })),
        ),
      },
      delete: { ...secured("Gives up a group", [group], json("Done", object({ left: count }))) },
    },
    "/dead-letters/replay": {
      post: secured(
        "Publishes dead letters again under their own ids",
        [...filter, all],
        json("Counts by result", replays),
      ),
    },
    "/dead-letters/jobs": {
      get: secured("Jobs, newest first", [], json("At most 100 jobs", object({ jobs: list(ref("Job")) }))),
      post: secured(
        "Creates a job, in which subscribers act on all matching letters; preview=true only counts the letters",
        [
          query("act", { enum: jobActs }),
          query("rate", count, "Highest number of letters a second; a replay starts slower and ramps up"),
          query("preview", { const: "true" }),
          ...change,
          ...filter,
          all,
        ],
        json("The job", ref("Job")),
      ),
    },
    "/dead-letters/jobs/{id}": {
      get: ofOne("A job, and the outcome of its letters", json("The job", ref("Job"))),
    },
    "/dead-letters/jobs/{id}/pause": { post: ofOne("Pauses a job", json("The job", ref("Job"))) },
    "/dead-letters/jobs/{id}/resume": {
      post: ofOne("Resumes a paused or stopped job", json("The job", ref("Job"))),
    },
    "/dead-letters/jobs/{id}/cancel": {
      post: ofOne("Cancels a job; finished work stays", json("The job", ref("Job"))),
    },
    "/dead-letters/jobs/{id}/rate": {
      post: { ...ofOne("Sets the rate of a job", json("The job", ref("Job"))), parameters: [id, query("rate", count)] },
    },
    "/dead-letters/undo": {
      post: secured("Restores dropped letters", [...filter, all], json("Number of restored letters", restored)),
    },
    "/dead-letters/{id}": {
      get: ofOne("One dead letter", json("The dead letter", ref("DeadLetter"))),
      delete: ofOne("Drops a dead letter", json("Done", dropped)),
    },
    "/dead-letters/{id}/history": {
      get: ofOne(
        "What happened to its message: each death and each edit, the oldest first",
        json("All", ref("LetterHistory")),
      ),
    },
    "/dead-letters/{id}/replay": {
      post: ofOne("Publishes a dead letter again under its own id", json("Counts by result", replays)),
    },
    "/audit": {
      get: secured(
        "Operators' actions, newest first; requires the role administer",
        [limit(500), query("before", text, "Only actions before the action with this id")],
        json("The actions", object({ acts: list(ref("Act")) })),
      ),
    },
    "/session": {
      get: { summary: "The user of the request", responses: { "200": json("The user", ref("Session")) } },
      post: {
        summary: "Signs in: exchanges the bearer token for a cookie, which is valid for twelve hours",
        security: [{ token: [] }],
        responses: { "200": json("Signed in", ref("Session")), ...refusals },
      },
      delete: {
        summary: "Signs out: deletes the cookie",
        responses: { "200": json("Signed out", ref("Session")), ...refusals },
      },
    },
    "/dead-letters/edits": {
      get: secured(
        "Previews a change of dead letters, and changes none",
        [limit(500), after, ...filter, all, ...change],
        json("Oldest first", object({ edits: list(ref("Edit")), next: textOrNull })),
      ),
    },
    "/dead-letters/{id}/edit": {
      post: {
        ...ofOne(
          "Edits a dead letter; a replay publishes the last edit",
          json("Done", object({ edits: list(ref("Edit")) })),
        ),
        parameters: [id, ...change],
      },
    },
    "/dead-letters/{id}/undo": {
      post: ofOne("Restores a dropped letter", json("Done", restored)),
    },
    "/health/live": {
      get: { summary: "Whether the process answers", responses: { "200": json("Alive", { type: "object" }) } },
    },
    "/health/ready": {
      get: {
        summary: "Whether the subscriber can process events, and if not, why",
        responses: { "200": json("Ready", ref("Readiness")), "503": json("Not ready", ref("Readiness")) },
      },
    },
    "/metrics": {
      get: {
        summary: "Metrics in Prometheus's text format",
        responses: {
          "200": { description: "The current values", content: { "text/plain": { schema: text } } },
          ...errors,
        },
      },
    },
  },
  components: {
    securitySchemes: { token: { type: "http", scheme: "bearer", description: "A token of HTTP_TOKENS_FILE" } },
    schemas: {
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
    },
  },
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
