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
const integer = { type: ["integer", "string"], description: "A string of digits beyond 2^53" };

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
  "503": problem("What was to be asked does not answer"),
  "504": problem("No answer in time"),
};
const refusals = {
  "400": problem("What was asked is not clear"),
  "401": problem("No token, or a wrong one"),
  "403": problem("The token may not do this, or the subscriber has no tokens"),
  ...errors,
};

const query = (name: string, schema: object, description?: string) => ({
  ...{ name, in: "query", schema },
  ...(description !== undefined && { description }),
});
const limit = (maximum: number) => query("limit", { type: "integer", minimum: 1, maximum, default: 100 });
const time = "RFC 3339, or how long ago: 30m, 2h, 7d";
/** The filter for dead letters: all given conditions must match. */
const filter = [
  query("status", text, "dead (if left out), replayed, dropped, resolved, with commas between; or any"),
  query("reason", text, "One or more, with commas between"),
  query("id", text, "Message ids, with commas between"),
  query("group", text, "One or more of /dead-letters/groups, with commas between"),
  query("since", text, `Failed last at this time or later: ${time}`),
  query("until", text, `Failed last before this time: ${time}`),
  query("player_id", integer),
  query("event_id", integer),
  query("text", text, "Part of the detail, in letters of either case"),
];
const order = query("order", { enum: ["oldest", "newest"], default: "oldest" }, "Which come first");
const change = [
  query(
    "set",
    text,
    "A field to change, such as currency=EUR; more than once for several. An empty value leaves it out",
  ),
  query("where", text, "Only where a field has this value: currency= where it is missing"),
  query("json", text, "In place of both: the whole event as JSON"),
];
const after = query("after", text, "The next of the page before");
const all = query("all", { const: "true" }, "In place of a filter: all of them");
const group = { name: "group", in: "path", required: true, schema: text };
const note = query("note", text, "A ticket, or other words");
const id = { name: "id", in: "path", required: true, schema: uuid };

/** Reading needs the role `look`, unless reading is open. Changes need the role `act`. */
const secured = (summary: string, parameters: object[], ok: object) => ({
  ...{ summary, parameters, security: [{ token: [] }], responses: { "200": ok, ...refusals } },
});
const ofOne = (summary: string, ok: object) => ({
  ...{ summary, parameters: [id], security: [{ token: [] }] },
  responses: { "200": ok, "404": problem("Not there"), ...refusals },
});
const replays = object({
  replayed: count,
  refused: described(count, "Replayed ten times already"),
  failed: count,
});
const dropped = object({ dropped: count });
const restored = object({ restored: count });

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
    "/history": {
      get: {
        summary: "What the system did, a point for each step, the oldest first",
        parameters: [query("hours", { type: "integer", minimum: 1, maximum: 2_160, default: 48 }, "So far back")],
        responses: {
          "200": json("The same from every subscriber", ref("History")),
          "400": problem("hours"),
          ...errors,
        },
      },
    },
    "/events": {
      get: {
        summary: "The newest events that this subscriber has stored; of a large batch only some",
        parameters: [
          limit(mostKept),
          query("type", text, `One or more of ${eventTypes.join(", ")}, with commas between`),
          query("player_id", integer),
        ],
        responses: {
          "200": {
            description: "Newest first; with Accept: text/event-stream as they come, at most 20 a second",
            content: {
              "application/json": { schema: object({ events: list(ref("Event")) }) },
              "text/event-stream": {
                schema: described(text, "event: event, its data an Event; event: sampled, {shown, skipped}"),
              },
            },
          },
          "400": problem("A parameter that is not known, or out of its range"),
          ...errors,
        },
      },
    },
    "/find": {
      get: {
        summary: "Where an event is, and what happened to it",
        parameters: [
          query("id", text, "An event id, a message id in any form, or the id that the publisher sent"),
          query("player_id", integer, "In place of an id, with at"),
          query("at", text, "When it happened, in UTC unless it names a zone: 2022-02-02T12:34"),
          query("within", text, "So long before and after it: 90s, 5m, 2h, up to 24h; 5m unless it is given"),
        ],
        responses: {
          "200": json("Found or not: looked tells where, and what could not be looked at", ref("Found")),
          "400": problem("What was asked is not clear"),
          ...errors,
        },
      },
    },
    "/dead-letters": {
      get: secured(
        "Dead letters, page by page",
        [limit(500), order, after, ...filter],
        json(
          "How many there are, and those asked for",
          object({
            total: described(count, "Whether they match or not"),
            waiting: described(countOrNull, "Besides these, in their queue: no keeper has moved them yet"),
            next: described(textOrNull, "For after: where the next page begins; null when this is the last"),
            dead_letters: list(ref("DeadLetter")),
          }),
        ),
      ),
      delete: secured("Drop them", [...filter, all], json("How many", dropped)),
    },
    "/dead-letters/groups": {
      get: secured(
        "What they failed of, most letters first",
        filter,
        json("At most 1,000", object({ groups: list(ref("CauseGroup")) })),
      ),
    },
    "/dead-letters/groups/{group}/take": {
      post: {
        ...secured(
          "Take the letters that it has: they turn no headline",
          [group, note],
          json("How many", object({ taken: count })),
        ),
      },
      delete: { ...secured("Leave it to others", [group], json("Done", object({ left: count }))) },
    },
    "/dead-letters/replay": {
      post: secured("Publish them again under their own ids", [...filter, all], json("What became of them", replays)),
    },
    "/dead-letters/jobs": {
      get: secured("Jobs, the newest first", [], json("At most 100", object({ jobs: list(ref("Job")) }))),
      post: secured(
        "Have subscribers act on all that match; preview=true tells how many that are",
        [
          query("act", { enum: jobActs }),
          query("rate", count, "Letters a second at most; a replay comes up to that by and by"),
          query("preview", { const: "true" }),
          ...change,
          ...filter,
          all,
        ],
        json("The job", ref("Job")),
      ),
    },
    "/dead-letters/jobs/{id}": {
      get: ofOne("A job, and what became of its letters", json("It", ref("Job"))),
    },
    "/dead-letters/jobs/{id}/pause": { post: ofOne("Pause it", json("It", ref("Job"))) },
    "/dead-letters/jobs/{id}/resume": {
      post: ofOne("Have it go on, where it is paused or has stopped", json("It", ref("Job"))),
    },
    "/dead-letters/jobs/{id}/cancel": { post: ofOne("End it: what is done stays done", json("It", ref("Job"))) },
    "/dead-letters/jobs/{id}/rate": {
      post: { ...ofOne("Set its rate", json("It", ref("Job"))), parameters: [id, query("rate", count)] },
    },
    "/dead-letters/undo": {
      post: secured("Put back those that were dropped", [...filter, all], json("How many", restored)),
    },
    "/dead-letters/{id}": {
      get: ofOne("One dead letter", json("It", ref("DeadLetter"))),
      delete: ofOne("Drop it", json("Done", dropped)),
    },
    "/dead-letters/{id}/history": {
      get: ofOne(
        "What happened to its message: each death and each edit, the oldest first",
        json("All", ref("LetterHistory")),
      ),
    },
    "/dead-letters/{id}/replay": {
      post: ofOne("Publish it again under its own id", json("What became of it", replays)),
    },
    "/audit": {
      get: secured(
        "What people did, the newest first; with the role to administer",
        [limit(500), query("before", text, "The id of an act: those before it")],
        json("Acts", object({ acts: list(ref("Act")) })),
      ),
    },
    "/session": {
      get: { summary: "Who asks", responses: { "200": json("They", ref("Session")) } },
      post: {
        summary: "Exchanges the bearer token for a cookie that a page's requests bring along, for twelve hours",
        security: [{ token: [] }],
        responses: { "200": json("Signed in", ref("Session")), ...refusals },
      },
      delete: {
        summary: "Takes the cookie away",
        responses: { "200": json("Signed out", ref("Session")), ...refusals },
      },
    },
    "/dead-letters/edits": {
      get: secured(
        "What a change would make of them; nothing is changed",
        [limit(500), after, ...filter, all, ...change],
        json("Oldest first", object({ edits: list(ref("Edit")), next: textOrNull })),
      ),
    },
    "/dead-letters/{id}/edit": {
      post: {
        ...ofOne("Edit it: a replay publishes the last edit", json("Done", object({ edits: list(ref("Edit")) }))),
        parameters: [id, ...change],
      },
    },
    "/dead-letters/{id}/undo": {
      post: ofOne("Put it back, where it was dropped", json("Done", restored)),
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
        responses: { "200": { description: "Now", content: { "text/plain": { schema: text } } }, ...errors },
      },
    },
  },
  components: {
    securitySchemes: { token: { type: "http", scheme: "bearer", description: "A token of HTTP_TOKENS_FILE" } },
    schemas: {
      Problem: described(object({ type: text, title: text, status: count, detail: text }), "RFC 9457"),
      Leader: {
        ...described(object({ id: integer, count: integer }), "Of equals the lowest id"),
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
          at: described(text, "When the step began"),
          seconds: described(count, "How much of it is known"),
          stored: count,
          dead: described(count, "Events that became dead letters"),
          duplicates: count,
          arrived: described(countOrNull, "Settled in that time, and what the queue grew by"),
          ready: described(countOrNull, "The most at the end of a minute, as all that follow"),
          unacknowledged: countOrNull,
          oldest_ms: countOrNull,
          rates_age_ms: countOrNull,
          subscribers: described(countOrNull, "The fewest that told something of themselves"),
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
          "At most 20",
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
        first_at: described(textOrNull, "When one of them failed last: of the first"),
        last_at: textOrNull,
        taken: described(
          { type: ["object", "null"] },
          "Who looks after it: by, at, note, and more: letters that came since",
        ),
        sample: described(object({ message_id: uuid, detail: text }), "The newest of them"),
      }),
      DeadLetter: object({
        message_id: uuid,
        sent_id: described(textOrNull, "As its publisher sent it, where that is another text"),
        reason: text,
        detail: text,
        group: described(text, "The same for letters whose reason and detail differ in values alone"),
        subscriber: textOrNull,
        first_failed_at: textOrNull,
        last_failed_at: textOrNull,
        attempts: count,
        replays: count,
        status: described({ enum: statuses }, "replayed is published again, no more; resolved: its event is stored"),
        number: described(integerOrNull, "Where it is kept"),
        previous: described(integerOrNull, "The number of the letter whose replay died as this one"),
        acted_by: described(textOrNull, "Who replayed, dropped or restored it"),
        acted_at: textOrNull,
        stored_by: described(textOrNull, "The subscriber that stored its event"),
        stored_at: textOrNull,
        edits: described(count, "How many there are"),
        edited: described({ type: ["object", "null"] }, "The last edit, which a replay publishes: by, at, event"),
        event: { type: ["object", "null"] },
        body_problem: textOrNull,
        body_base64: described(text, "Its first 4 KiB in a list, its first MiB alone"),
        body_bytes: described(count, "How long it is"),
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
        role: described({ enum: [...roles, null] }, "null: not even to look"),
        has_tokens: described(flag, "Whether there is anything to sign in with"),
      }),
      Act: object({
        ...{ id: text, begun_at: text, ended_at: textOrNull, who: text, act: text, filter: { type: "object" } },
        peer: described(text, "From where"),
        via: described(text, "By way of which subscriber"),
        state: { enum: ["begun", "done", "failed"] },
        affected: described({ type: ["integer", "null"] }, "How many"),
        result: textOrNull,
      }),
      Job: object({
        ...{ id: uuid, act: { enum: jobActs }, state: { enum: jobStates }, filter: { type: "object" } },
        ...{ change: { type: ["object", "null"] }, created_by: text, created_at: text, finished_at: textOrNull },
        rate: described(count, "Letters a second at most"),
        total: described(count, "Letters that matched when it began"),
        done: count,
        refused: described(count, "Replayed ten times already, or the change does not fit"),
        failed: count,
        owner: described(textOrNull, "The subscriber that carries it out"),
        problem: textOrNull,
        stored: described(count, "Of a replay: letters whose event is stored by now"),
        died: described(count, "Died again of the same cause"),
        deaths: list(object({ message_id: uuid, reason: text, detail: text })),
      }, ["id", "act", "state", "rate", "total", "done", "refused", "failed"]),
      Edit: object({
        message_id: uuid,
        number: integer,
        before: described({ type: ["object", "null"] }, "null where the body is no message"),
        after: { type: ["object", "null"] },
        problem: described(textOrNull, "Why it does not fit"),
      }),
      Subscriber: object({
        ...{ id: text, version: text, state: { enum: subscriberStates }, since: text, events: count, batches: count },
        oldest_ms: described(count, "Since the oldest in hand was published; 0 when there is none"),
        ...{ last_error: textOrNull, last_error_at: textOrNull },
        heard_ms: described(count, "How long ago it told this"),
      }),
      Readiness: object({
        ready: flag,
        why_not: list(text),
        consumers: { type: ["integer", "null"] },
        subscribers: described(list(ref("Subscriber")), "All of them, the stuck one first"),
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
