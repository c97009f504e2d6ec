/** Dead letters over HTTP: list, groups, show, edit, replay, drop, undo. app.ts authorizes and records each act. */
import { type Context, Hono } from "hono";
import { type Change, parseChange } from "../../shared/event/change.ts";
import type { Clock } from "../../shared/runtime/clock.ts";
import { deadLetterToJson, mostBodyListed, mostBodyShown } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { type DeadLetterAdmin, type Filter, groupToJson, historyToJson } from "../../shared/rabbitmq/dead/admin.ts";
import { outcomeToJson } from "../../shared/rabbitmq/dead/edit.ts";
import { parseMessageId } from "../../shared/rabbitmq/message_id.ts";
import { callWithDeadline } from "../../shared/runtime/deadline.ts";
import type { Env } from "./access/access.ts";
import { parseFilter } from "../dead_letters/parse_filter.ts";
import { jobRoutes, type Jobs } from "./job_routes.ts";
import { parseLimit } from "./event_query.ts";
import type { Takes } from "../dead_letters/takes.ts";
import { Problem, unavailable } from "./problem.ts";

/** Longer than the admin's own deadlines, because its error is more specific. */
const adminTimeoutMs = 20_000;
const mostListed = 500;

export interface DeadLetterRoutesOptions {
  readonly admin: DeadLetterAdmin;
  readonly waiting: () => Promise<number>;
  readonly jobs?: Jobs | undefined;
  readonly takes?: Takes | undefined;
  readonly clock: Clock;
}

export function deadLetterRoutes({ admin, waiting, jobs, takes, clock }: DeadLetterRoutesOptions): Hono<Env> {
  async function ask<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await callWithDeadline(adminTimeoutMs, clock, act);
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw unavailable("the dead letters cannot be read", error);
    }
  }

  const filterOf = (context: Context, ...others: string[]) => readFilter(context, others, clock.now());
  const routes = new Hono<Env>();
  const chosenBy = (context: Context, ...others: string[]) =>
    chosen(filterOf(context, "all", ...others), context.req.query("all"));
  routes.route("/jobs", jobRoutes({ jobs, ask, filterOf: chosenBy, changeOf }));
  routes.get("/", async (context) => {
    const limit = parseLimit(context.req.query("limit") ?? null, 100, mostListed);
    const [order, after] = [orderOf(context.req.query("order")), placeOf(context.req.query("after"))];
    const filter = filterOf(context, "limit", "order", "after");
    const [{ letters, total, next }, inQueue] = await Promise.all([
      ask((signal) => admin.list({ limit, order, after, filter, signal })),
      waiting().catch(() => null),
    ]);
    const shown = letters.map((letter) => deadLetterToJson(letter, mostBodyListed));
    return context.json({ total, waiting: inQueue, next: next ?? null, dead_letters: shown });
  });
  routes.get("/groups", async (context) => {
    const filter = filterOf(context);
    const groups = await ask((signal) => admin.groups({ filter, signal }));
    return context.json({ groups: groups.map(groupToJson) });
  });
  routes.post("/groups/:group/take", async (context) => {
    const group = context.req.param("group");
    const note = context.req.query("note") ?? "";
    const taken = takes && jobs && await ask(() => takes.take(group, byOf(context), note));
    if (!taken) throw new Problem(404, `there is no group ${group.slice(0, 60)}`);
    return context.json({ taken });
  });
  routes.delete("/groups/:group/take", async (context) => {
    const group = context.req.param("group");
    if (!takes || !await ask(() => takes.leave(group))) {
      throw new Problem(404, `nobody has taken the group ${group.slice(0, 60)}`);
    }
    return context.json({ left: 1 });
  });
  routes.get("/edits", async (context) => {
    const limit = parseLimit(context.req.query("limit") ?? null, 100, mostListed);
    const after = placeOf(context.req.query("after"));
    const filter = chosen(filterOf(context, "limit", "after", "all", ...changeNames), context.req.query("all"));
    const change = changeOf(context);
    const { outcomes, next } = await ask((signal) =>
      admin.edit({ filter, change, preview: true, limit, after, signal })
    );
    return context.json({ edits: outcomes.map(outcomeToJson), next: next ?? null });
  });
  routes.get("/:id", async (context) => {
    const id = idOf(context.req.param("id"));
    const filter = { ids: [id], ...pickStatuses(filterOf(context)) };
    const options = { limit: 1, order: "newest", filter, mostBodyBytes: mostBodyShown } as const;
    const { letters: [letter] } = await ask((signal) => admin.list({ ...options, signal }));
    if (!letter) throw missing(id);
    return context.json(deadLetterToJson(letter));
  });
  routes.get("/:id/history", async (context) => {
    const id = idOf(context.req.param("id"));
    const history = await ask((signal) => admin.history({ id, signal }));
    if (history.letters.length === 0) throw new Problem(404, `there is no dead letter ${id}, and there was none`);
    return context.json(historyToJson(history));
  });
  routes.post("/replay", async (context) => {
    const filter = chosen(filterOf(context, "all"), context.req.query("all"));
    return context.json(await ask((signal) => admin.replay({ filter, signal, by: byOf(context) })));
  });
  routes.post("/undo", async (context) => {
    const filter = chosen(filterOf(context, "all"), context.req.query("all"));
    return context.json({ restored: await ask((signal) => admin.undo({ filter, signal, by: byOf(context) })) });
  });
  routes.post("/:id/replay", async (context) => {
    const id = idOf(context.req.param("id"));
    const result = await ask((signal) => admin.replay({ filter: { ids: [id] }, signal, by: byOf(context) }));
    if (result.replayed + result.refused + result.failed === 0 && !result.problem) throw missing(id);
    return context.json(result);
  });
  routes.post("/:id/edit", async (context) => {
    const id = idOf(context.req.param("id"));
    filterOf(context, ...changeNames);
    const options = { filter: { ids: [id] }, change: changeOf(context), preview: false, limit: mostListed };
    const { outcomes } = await ask((signal) => admin.edit({ ...options, signal, by: byOf(context) }));
    if (outcomes.length === 0) throw missing(id);
    const refused = outcomes.find(({ problem }) => problem !== undefined);
    if (refused && outcomes.length === 1) throw new Problem(409, `${id} was not edited: ${refused.problem}`);
    return context.json({ edits: outcomes.map(outcomeToJson) });
  });
  routes.post("/:id/undo", async (context) => {
    const id = idOf(context.req.param("id"));
    const restored = await ask((signal) => admin.undo({ filter: { ids: [id] }, signal, by: byOf(context) }));
    if (restored === 0) throw new Problem(404, `there is no dropped letter ${id}`);
    return context.json({ restored });
  });
  routes.delete("/", async (context) => {
    const filter = chosen(filterOf(context, "all"), context.req.query("all"));
    return context.json({ dropped: await ask((signal) => admin.drop({ filter, signal, by: byOf(context) })) });
  });
  routes.delete("/:id", async (context) => {
    const id = idOf(context.req.param("id"));
    const dropped = await ask((signal) => admin.drop({ filter: { ids: [id] }, signal, by: byOf(context) }));
    if (dropped === 0) throw missing(id);
    return context.json({ dropped });
  });
  return routes;
}

/** Returns the name of the principal that app.ts authenticated. */
function byOf(context: Context<Env>): string {
  return context.get("principal").name;
}

function missing(id: string): Problem {
  return new Problem(404, `there is no dead letter ${id}: it was replayed, dropped or resolved, or never existed`);
}

function idOf(text: string): string {
  const id = parseMessageId(text);
  if (id === undefined) {
    throw new Problem(400, "the message id must be a UUID such as 017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  }
  return id;
}

function orderOf(text = "oldest"): "oldest" | "newest" {
  if (text !== "oldest" && text !== "newest") throw new Problem(400, "order must be oldest or newest");
  return text;
}

/** Parses the start of a page. @throws {Problem} */
function placeOf(text: string | undefined): string | undefined {
  if (text !== undefined && !/^\d{1,18}$/.test(text)) {
    throw new Problem(400, "after must be the value of next from another page");
  }
  return text;
}

const filterNames = ["status", "reason", "id", "group", "since", "until", "player_id", "event_id", "text"] as const;

/** Parses the filter. @throws {Problem} for unknown names and values: a mistyped filter must not match everything */
function readFilter(context: Context, others: readonly string[], now: number): Filter {
  const query = context.req.query();
  const known: readonly string[] = [...filterNames, ...others];
  const unknown = Object.keys(query).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Problem(400, `unknown parameter "${unknown.slice(0, 60)}"; the parameters are ${known.join(", ")}`);
  }
  try {
    return parseFilter({ ...query, player: query["player_id"], event: query["event_id"] }, now);
  } catch (error) {
    throw error instanceof RangeError ? new Problem(400, error.message) : error;
  }
}

const changeNames = ["set", "where", "json"];

/** Parses an edit from the query: requests have no body. */
function changeOf(context: Context): Change {
  const [set, where, json] = changeNames.map((name) => context.req.queries(name) ?? []) as [
    string[],
    string[],
    string[],
  ];
  try {
    return parseChange({ set, where, json: json[0] });
  } catch (error) {
    throw error instanceof RangeError ? new Problem(400, error.message) : error;
  }
}

function pickStatuses({ statuses }: Filter): Pick<Filter, "statuses"> {
  return statuses ? { statuses } : {};
}

/**
 * Returns the filter.
 * @throws {Problem} for an empty filter without `all=true`: an act on many letters must name them
 */
function chosen(filter: Filter, all: string | undefined): Filter {
  if (Object.keys(filter).length === 0 && all !== "true") {
    throw new Problem(400, `give all=true, or a filter: one of ${filterNames.join(", ")}`);
  }
  return filter;
}
