/** Answers the dashboard's requests as a subscriber does, with the test's values. */
import type { HistoryPoint, Overview, StoredEvent } from "../../../subscriber/dashboard/answers.ts";
import type { SubscriberAnswer } from "../../../subscriber/dashboard/subscriber_answer.ts";
import type { FindAnswer } from "../../../subscriber/dashboard/find_answer.ts";
import { pageAssets } from "../../../subscriber/dashboard/assets.ts";
import type { DeadLetter } from "../../../subscriber/dashboard/dead_letters/answers.ts";
import { FakeDeadLetters, problem } from "./fake_dead_letters.ts";

/** The real subscriber's policy: the page must work under it here too. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export class FakeSubscriber {
  overview: Overview = structuredClone(wellOverview);
  events: StoredEvent[] = [];
  /** History of 48 hours, in steps of five minutes. */
  history: HistoryPoint[] = [];
  readonly deadLetters = new FakeDeadLetters();
  /** The answer to every find; 400 when `undefined`. */
  found: FindAnswer | undefined;
  readonly finds: string[] = [];
  /** When `undefined`, nobody may act. */
  token: string | undefined = "the-token";
  /** The role of the signed-in user. */
  role = "act";
  /** Whether a user who is not signed in may look. */
  open = true;
  /** While true, no request is answered, like in a process that hangs. */
  hangs = false;
  #port = 0;
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  #stop = new AbortController();
  readonly #streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  /** The queries of all opened streams. */
  readonly queries: string[] = [];

  /** Listens on the previous port, if there was one. */
  start(): void {
    this.#stop = new AbortController();
    const options = { hostname: "127.0.0.1", port: this.#port, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
    this.#port = this.#server.addr.port;
  }

  /** Letters with status dead. */
  get letters(): DeadLetter[] {
    return this.deadLetters.all.filter(({ status }) => status === "dead");
  }

  set letters(letters: DeadLetter[]) {
    this.deadLetters.all = letters;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Closes every connection. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
    await this.#server?.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  send(name: "event" | "sampled", data: unknown): void {
    const bytes = new TextEncoder().encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    for (const stream of this.#streams) stream.enqueue(bytes);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const asset = pageAssets.find(({ path }) => path === pathname);
    if (asset) {
      return new Response(asset.body, {
        headers: { "content-type": asset.contentType, "content-security-policy": policy, "cache-control": "no-store" },
      });
    }
    if (pathname === "/session") return this.#session(request);
    if (!this.open && !this.#isSignedIn(request)) return problem(401, "Unauthorized", "This takes a token.");
    if (this.hangs) await new Promise((resolve) => this.#stop.signal.addEventListener("abort", resolve));
    if (pathname === "/overview") {
      const { standing, problems } = this.overview;
      const state = problems.length > 0 ? "problems" : this.deadLetters.untended > 0 ? "letters" : "well";
      this.overview = {
        ...this.overview,
        dead_letters: this.letters.length,
        dead_letters_untended: this.deadLetters.untended,
        standing: { ...standing, state },
      };
      return Response.json({ ...this.overview, at: new Date().toISOString() });
    }
    if (pathname === "/history") {
      return Response.json({ at: new Date().toISOString(), step_seconds: 300, points: this.history });
    }
    if (pathname === "/events") {
      const streaming = request.headers.get("accept")?.includes("text/event-stream");
      return streaming ? this.#stream(searchParams) : Response.json({ events: this.events });
    }
    if (pathname === "/find") {
      this.finds.push(String(searchParams));
      return this.found ? Response.json(this.found) : problem(400, "Bad Request", "That is no id.");
    }
    if (pathname.startsWith("/dead-letters")) return this.#deadLetters(request, pathname, searchParams);
    return problem(404, "Not Found", `There is no ${pathname}.`);
  }

  #session(request: Request): Response {
    let signedIn = request.method !== "DELETE" && this.#isSignedIn(request);
    if (request.method === "POST") {
      signedIn = request.headers.get("authorization") === `Bearer ${this.token}`;
      if (!signedIn) return problem(401, "Unauthorized", "the token is not valid");
    }
    const role = signedIn ? this.role : this.open ? "look" : null;
    const cookie = `fake-session=${signedIn ? this.token : ""}; Path=/; HttpOnly; SameSite=Strict`;
    return Response.json(
      { name: signedIn ? "anna" : null, role, has_tokens: this.token !== undefined },
      { headers: { "set-cookie": cookie } },
    );
  }

  #isSignedIn(request: Request): boolean {
    const cookie = request.headers.get("cookie")?.split("; ") ?? [];
    return this.token !== undefined && cookie.includes(`fake-session=${this.token}`);
  }

  #stream(query: URLSearchParams): Response {
    this.queries.push(String(query));
    let mine: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        mine = controller;
        this.#streams.add(mine);
        controller.enqueue(new TextEncoder().encode(": open\n\n"));
      },
      cancel: () => {
        this.#streams.delete(mine);
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  #deadLetters(request: Request, path: string, query: URLSearchParams): Response {
    if (request.method !== "GET" && !this.#isSignedIn(request)) {
      return problem(401, "Unauthorized", "This takes a token.");
    }
    return this.deadLetters.answer(request.method, path.slice("/dead-letters".length), query);
  }
}

export const wellOverview: Overview = {
  at: "2026-11-24T23:00:00.000Z",
  version: "0.1.0",
  subscriber_id: "subscriber-1",
  uptime_ms: 7_380_000,
  mode: "servers",
  standing: { state: "well", since: "2026-11-24T21:30:00.000Z", at_least: false },
  problems: [],
  subscribers: [
    subscriberAnswer("subscriber-1", { events: 500, batches: 2, oldest_ms: 12 }),
    subscriberAnswer("subscriber-2"),
  ],
  materialized: {
    events_total: 1_234_567,
    events_per_minute: 288_060,
    events_per_second_moving_average: 4_801,
    top_player_bets: { id: 10, count: 51_204 },
    top_player_wins: { id: 11, count: 15_377 },
    top_player_deposits: { id: 14, count: "9007199254740993" },
  },
  events_last_second: 4_812,
  events_per_minute_by_subscriber: { "subscriber-1": 168_060, "subscriber-2": 120_000 },
  catch_up: { state: "keeping-up", seconds: 1, in_per_second: 4_801, out_per_second: 4_801 },
  queue: { messages: 37, unacknowledged: 500, consumers: 2, in_hand: 500, oldest_ms: 12 },
  dead_letters: 0,
  dead_letters_untended: 0,
  latency_ms: { p50: 3.1, p99: 9.7, events: 48_120 },
  rates: {
    state: "fresh",
    as_of: "2026-11-24T22:59:41.000Z",
    age_ms: 19_000,
    fresh_ms: 41_000,
    lock: { state: "free", holder: null, ttl_ms: null },
    per_eur: { USD: "1.0705", JPY: "171.94", GBP: "0.84638", BTC: "0.0000176" },
    alone: false,
    calls: 123,
    problem: null,
  },
  dependencies: ["RabbitMQ", "Redis", "Postgres", "Rates API"].map((name) => ({ name, ok: true, problem: null })),
  dead_letters_by_reason: {},
};

/** The last two days, with a backlog each noon. One hour of today is missing. */
export function twoDays(nowMs: number): HistoryPoint[] {
  const [stepMs, steps] = [300_000, 576];
  const end = Math.floor(nowMs / stepMs) * stepMs;
  return Array.from({ length: steps }, (_, n) => {
    const atMs = end - (steps - 1 - n) * stepMs;
    const hour = atMs / 3_600_000 % 24;
    const rate = 300 + 220 * Math.sin((hour - 9) / 24 * 2 * Math.PI) + 12 * Math.sin(n * 1.7) - (n < 288 ? 40 : 0);
    const backlog = Math.max(0, 1 - Math.abs(hour - 12) * 2);
    const stored = Math.round(300 * rate);
    return {
      ...{ at: new Date(atMs).toISOString(), seconds: 300, stored, dead: n % 7 === 0 ? 1 : 0, duplicates: 0 },
      ...{ arrived: stored, ready: Math.round(40 * backlog * rate + 5), unacknowledged: 500 },
      ...{ oldest_ms: Math.round(15 + 30_000 * backlog), rates_age_ms: 19_000, subscribers: 2 },
      latency_ms: { p50: 3 + rate / 200, p99: 12 + rate / 50 + 40 * backlog, events: 1_000 },
    };
  }).filter((_, n) => n < 400 || n > 412);
}

/** A subscriber that works and holds nothing, by default. */
export function subscriberAnswer(id: string, changes: Partial<SubscriberAnswer> = {}): SubscriberAnswer {
  return {
    ...{ id, version: "0.1.0", state: "working", since: "2026-11-24T20:57:00.000Z", events: 0, batches: 0 },
    ...{ oldest_ms: 0, last_error: null, last_error_at: null, heard_ms: 400, ...changes },
  };
}

/** The n-th of many events. */
export function storedEvent(n: number): StoredEvent {
  const player = 10 + n % 5;
  return {
    message_id: `019aa000-0000-7000-8000-${String(n).padStart(12, "0")}`,
    type: "bet",
    created_at: new Date(1_700_000_000_000 + n).toISOString(),
    player_id: player,
    description: `Player #${player} (bob@example.com) placed a bet of ${n} EUR on a game "Wild Spin" on …`,
  };
}

export const foundAnswer: FindAnswer = {
  events: [{
    message_id: "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    sent_id: "order-17",
    state: "stored",
    event: {
      id: 12_345,
      player_id: 11,
      type: "bet",
      amount: 500,
      currency: "USD",
      description: "Player #11 has placed a bet",
    },
    stations: [
      { station: "published", at: "2026-11-24T21:00:00.000Z", by: "publisher-1", detail: "time from the message" },
      {
        ...{ station: "dead", at: "2026-11-24T21:00:05.000000Z", by: "subscriber-1" },
        detail: "store-rejected: <b>no</b> partition of relation events found for row (1 try)",
      },
      {
        ...{ station: "replayed", at: "2026-11-24T22:10:00.000000Z", by: "john" },
        detail: "published again under the same message id; this does not mean that it was stored",
      },
      {
        ...{ station: "stored", at: "2026-11-24T22:10:01.234567Z", by: "subscriber-2" },
        detail:
          "5 USD = 4.67 EUR at 1.0705 for 1 EUR, the rate as of 2026-11-24T22:09:41.000000Z; in one transaction " +
          "with this subscriber's other events of the same time",
      },
      {
        ...{ station: "reported", at: null, by: null },
        detail: "before the ack, unless the subscriber runs with --quiet; the time is not recorded",
      },
    ],
  }],
  more: false,
  verdict: "The event is stored.",
  looked: [
    { place: "events", outcome: "1 event stored", complete: true },
    { place: "subscribers", outcome: "no event in hand", complete: true },
    { place: "dead_letters", outcome: "1 letter", complete: true },
    {
      ...{ place: "queues", complete: false },
      outcome: "1,204 messages in casino.events.queue, not searched: a queue cannot be searched",
    },
  ],
};
