/** Dead letters over HTTP: list, show, replay, drop. app.ts says who may, and records each act. */
import { Hono } from "hono";
import type { Clock } from "../../shared/runtime/clock.ts";
import { type DeadLetter, deadLetterToJson, mostBodyListed } from "../../shared/rabbitmq/dead/dead_letter.ts";
import type { Filter } from "../../shared/rabbitmq/dead/dead_letter_queue.ts";
import { type DeadLetterAdmin, mostLookedAt } from "../../shared/rabbitmq/dead/admin.ts";
import { parseMessageId } from "../../shared/rabbitmq/message_id.ts";
import { callWithDeadline } from "../../shared/runtime/deadline.ts";
import { parseLimit } from "./event_query.ts";
import { Problem, unavailable } from "./problem.ts";

/** Longer than the admin's own deadlines in sequence: its error says more than ours. */
const adminTimeoutMs = 25_000;
const mostListed = 500;
const json = { "content-type": "application/json" };
/** Of one letter: more than any event has, and little enough for a subscriber's memory. */
const mostBodyShown = 1_048_576;

export interface DeadLetterRoutesOptions {
  readonly admin: DeadLetterAdmin;
  readonly clock: Clock;
}

export function deadLetterRoutes({ admin, clock }: DeadLetterRoutesOptions): Hono {
  async function ask<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await callWithDeadline(adminTimeoutMs, clock, act);
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw unavailable("the dead letter queue cannot be asked", error);
    }
  }

  /** Among very many letters it may be one that was not looked at. */
  async function missing(id: string): Promise<Problem> {
    const { total } = await ask((signal) => admin.list({ limit: 1, filter: {}, signal }, () => 0));
    return total <= mostLookedAt
      ? new Problem(404, `there is no dead letter ${id}: it was replayed or dropped, or never was one`)
      : new Problem(503, `${id} is not among the oldest ${mostLookedAt} of ${total} dead letters: see deno task dead`);
  }

  const routes = new Hono();
  routes.get("/", async (context) => {
    const limit = parseLimit(context.req.query("limit") ?? null, 100, mostListed);
    const filter = reasonsOf(context.req.query("reason"));
    // As text at once: of a letter nothing else is kept while the next one is read.
    const shown = (letter: DeadLetter) => JSON.stringify(deadLetterToJson(letter, mostBodyListed));
    const { letters, total } = await ask((signal) => admin.list({ limit, filter, signal }, shown));
    return context.body(`{"total":${total},"dead_letters":[${letters.join(",")}]}`, 200, json);
  });
  routes.get("/:id", async (context) => {
    const id = idOf(context.req.param("id"));
    const shown = (letter: DeadLetter) => JSON.stringify(deadLetterToJson(letter, mostBodyShown));
    const { letters: [letter] } = await ask((signal) => admin.list({ limit: 1, filter: { ids: [id] }, signal }, shown));
    if (letter === undefined) throw await missing(id);
    return context.body(letter, 200, json);
  });
  routes.post("/replay", async (context) => {
    const filter = chosen(context.req.query("reason"), context.req.query("all"));
    return context.json(await ask((signal) => admin.replay({ filter, signal })));
  });
  routes.post("/:id/replay", async (context) => {
    const id = idOf(context.req.param("id"));
    const result = await ask((signal) => admin.replay({ filter: { ids: [id] }, signal }));
    if (result.replayed + result.refused + result.failed === 0) throw await missing(id);
    return context.json(result);
  });
  routes.delete("/", async (context) => {
    const filter = chosen(context.req.query("reason"), context.req.query("all"));
    return context.json({ dropped: await ask((signal) => admin.drop({ filter, signal })) });
  });
  routes.delete("/:id", async (context) => {
    const id = idOf(context.req.param("id"));
    const dropped = await ask((signal) => admin.drop({ filter: { ids: [id] }, signal }));
    if (dropped === 0) throw await missing(id);
    return context.json({ dropped });
  });
  return routes;
}

function idOf(text: string): string {
  const id = parseMessageId(text);
  if (id === undefined) throw new Problem(400, "a message id is a UUID such as 017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  return id;
}

function reasonsOf(reasons: string | undefined): Filter {
  return reasons === undefined ? {} : { reasons: reasons.split(",") };
}

/** An act on many letters must say on which. */
function chosen(reasons: string | undefined, all: string | undefined): Filter {
  if (reasons === undefined && all !== "true") throw new Problem(400, "say which: reason=REASON,… or all=true");
  return reasonsOf(reasons);
}
