/** `GET /openapi.json`. tests/scenarios/watching/http_scenario.ts checks the answers against its schemas. */
import { eventTypes } from "../../shared/event/kinds.ts";
import { version } from "../../shared/runtime/configuration/command.ts";
import { jobActs } from "../dead_letters/jobs/job.ts";
import { mostKept } from "../metrics/recent_events.ts";

import {
  componentSchemas,
  count,
  countOrNull,
  described,
  integer,
  list,
  object,
  ref,
  text,
  textOrNull,
  uuid,
} from "./openapi_schemas.ts";

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
    schemas: componentSchemas,
  },
};
