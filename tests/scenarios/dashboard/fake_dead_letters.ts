/** A subscriber's dead letters and jobs in memory, for the page's requests. */
import type {
  CauseGroup,
  DeadLetter,
  Edit,
  Job,
  LetterHistory,
  LetterStatus,
  ManyAct,
  Taken,
} from "../../../subscriber/dashboard/dead_letters/answers.ts";

export class FakeDeadLetters {
  /** Oldest first. */
  all: DeadLetter[] = [];
  /** Newest first; `undefined` for the embedded demo, which has no jobs. */
  jobs: Job[] | undefined = [];
  /** Taken groups, by group. */
  readonly taken = new Map<string, Taken>();
  /** The oldest first. */
  readonly edits: LetterHistory["edits"][number][] = [];
  /** Number of requests for a history. */
  histories = 0;
  /** The requests, except those that read groups or jobs. */
  readonly asked: string[] = [];
  /** Length of the longest list that was returned. */
  longest = 0;

  get untended(): number {
    return this.all.filter(({ status, group }) => status === "dead" && !this.taken.has(group)).length;
  }

  answer(method: string, path: string, query: URLSearchParams): Response {
    if (method !== "GET" || path === "") this.asked.push(`${method} ${path}?${query}`);
    const [, first, second, third] = path.split("/");
    if (first === "jobs") return this.#jobs(method, query, second, third);
    if (first === "groups" && third === "take") return this.#take(method, second!, query);
    if (first === "groups") return Response.json({ groups: this.#groups(query) });
    if (first === "edits") {
      return Response.json({
        edits: this.#chosen(query).map((letter) => editOf(letter, query.get("json")!)),
        next: null,
      });
    }
    if (method === "GET" && first === undefined) return this.#list(query);
    if (second === "history") return this.#history(first!);
    const isOne = first !== undefined && first !== "replay" && first !== "undo";
    if (isOne && method === "GET") return Response.json(this.#dead(first));
    if (second === "edit") return this.#edit(first!, query.get("json")!);
    const act = method === "DELETE" ? "drop" : (isOne ? second : first) as ManyAct;
    return Response.json(this.act(act, isOne ? new URLSearchParams({ id: first }) : query));
  }

  #dead(id: string): DeadLetter | undefined {
    return this.all.find(({ message_id, status }) => message_id === id && status === "dead");
  }

  /** Acts at once, without a job. */
  act(act: ManyAct, query: URLSearchParams) {
    const chosen = new Set(this.#chosen(query, act === "undo" ? "dropped" : "dead"));
    const status = ({ replay: "replayed", drop: "dropped", undo: "dead" } as const)[act];
    this.all = this.all.map((letter) => chosen.has(letter) ? { ...letter, status } : letter);
    if (act === "drop") return { dropped: chosen.size };
    return act === "undo" ? { restored: chosen.size } : { replayed: chosen.size, refused: 0, failed: 0 };
  }

  #chosen(query: URLSearchParams, status = (query.get("status") ?? "dead") as LetterStatus): DeadLetter[] {
    const is = (name: string, value: unknown) => !query.has(name) || query.get(name) === String(value);
    return this.all.filter((letter) =>
      letter.status === status && is("id", letter.message_id) && is("reason", letter.reason) &&
      is("group", letter.group) && is("player_id", letter.event?.["player_id"]) &&
      letter.detail.includes(query.get("text") ?? "")
    );
  }

  #list(query: URLSearchParams): Response {
    if (/\D/.test(query.get("player_id") ?? "")) {
      return problem(400, "Bad Request", '"bob" must be a whole number of 64 bits');
    }
    const [limit, after] = [Number(query.get("limit")), Number(query.get("after") ?? 0)];
    const chosen = this.#chosen(query).reverse();
    const page = chosen.slice(after, after + limit);
    this.longest = Math.max(this.longest, page.length);
    const next = after + limit < chosen.length ? String(after + limit) : null;
    const total = this.all.filter(({ status }) => status === "dead").length;
    return Response.json({ total, waiting: 0, next, dead_letters: page });
  }

  #groups(query: URLSearchParams): CauseGroup[] {
    const groups = Map.groupBy(this.#chosen(query), ({ group }) => group);
    return Array.from(groups, ([group, letters]) => {
      const newest = letters.at(-1)!;
      return {
        ...{ group, reason: newest.reason, cause: newest.detail.replace(/KWD|\d+/, "…"), letters: letters.length },
        ...{ first_at: letters[0]!.last_failed_at, last_at: newest.last_failed_at },
        sample: { message_id: newest.message_id, detail: newest.detail },
        taken: this.taken.get(group) ?? null,
      };
    }).sort((one, other) => other.letters - one.letters);
  }

  #take(method: string, group: string, query: URLSearchParams): Response {
    if (method === "DELETE") return Response.json({ left: Number(this.taken.delete(group)) });
    this.taken.set(group, { by: "anna", at: "2026-11-24T22:20:00.000Z", note: query.get("note") ?? "", more: 0 });
    return Response.json({ taken: this.#chosen(new URLSearchParams({ group })).length });
  }

  #history(id: string): Response {
    this.histories++;
    const letters = this.all.filter(({ message_id }) => message_id === id);
    const numbers = letters.map(({ number }) => number);
    return Response.json({ letters, edits: this.edits.filter(({ letter }) => numbers.includes(letter)), more: false });
  }

  #edit(id: string, json: string): Response {
    const at = "2026-11-24T22:30:00.000Z";
    const letter = this.#dead(id)!;
    const outcome = editOf(letter, json);
    if (outcome.problem !== null) return problem(409, "Conflict", outcome.problem);
    this.edits.push({ letter: letter.number, by: "anna", at, event: outcome.after! });
    const edited = { by: "anna", at, event: outcome.after! };
    this.all = this.all.map((one) => one === letter ? { ...one, edited } : one);
    return Response.json({ edits: [outcome] });
  }

  #jobs(method: string, query: URLSearchParams, id: string | undefined, word: string | undefined): Response {
    if (!this.jobs) return problem(404, "Not Found", "jobs need RabbitMQ and Postgres, and this is the embedded demo");
    if (method === "GET" && id === undefined) {
      return Response.json({ jobs: this.jobs.map(({ stored: _, died: __, deaths: ___, ...job }) => job) });
    }
    if (id === undefined) {
      const act = query.get("act") as ManyAct;
      const total = this.#chosen(query, act === "undo" ? "dropped" : "dead").length;
      if (query.get("preview") === "true") return Response.json({ total });
      this.jobs.unshift(jobAnswer(this.jobs.length, { act, total }));
      return Response.json(this.jobs[0]);
    }
    const states = { pause: "paused", resume: "running", cancel: "cancelled" } as const;
    if (word === "rate") this.change(id, { rate: Number(query.get("rate")) });
    else if (word) this.change(id, { state: states[word as keyof typeof states] });
    return Response.json(this.jobs.find((job) => job.id === id));
  }

  change(id: string, changes: Partial<Job>): void {
    this.jobs = this.jobs?.map((job) => job.id === id ? { ...job, ...changes } : job);
  }
}

/** The n-th of many jobs, running by default. */
export function jobAnswer(n: number, changes: Partial<Job> = {}): Job {
  return {
    ...{ id: `5b0b1e9e-5c0c-4f3e-9d5b-${String(n).padStart(12, "0")}`, act: "replay", state: "running" },
    ...{ filter: { reasons: ["unknown-currency"] }, created_by: "anna", created_at: "2026-11-24T22:15:00.000Z" },
    ...{ finished_at: null, rate: 1_000, total: 0, done: 0, refused: 0, failed: 0, problem: null },
    ...{ stored: 0, died: 0, deaths: [] },
    ...changes,
  };
}

/** The n-th of many letters. The body of every second letter is not an event. */
export function deadLetter(n: number): DeadLetter {
  const decodes = n % 2 === 0;
  return {
    message_id: `019aa000-0000-7000-9000-${String(n).padStart(12, "0")}`,
    sent_id: null,
    reason: decodes ? "unknown-currency" : "undecodable",
    detail: decodes ? 'currency = "KWD": the rates have no KWD' : "5 bytes are not a casino.events.v1.Event",
    group: decodes ? "5f0c1d2e3a4b" : "0a1b2c3d4e5f",
    subscriber: "subscriber-1",
    first_failed_at: "2026-11-24T22:10:00.000Z",
    last_failed_at: "2026-11-24T22:10:07.000Z",
    attempts: 1,
    replays: 0,
    status: "dead",
    number: n,
    previous: null,
    ...{ acted_by: null, acted_at: null, stored_by: null, stored_at: null, edited: null },
    event: decodes ? { id: n, player_id: 11, game_id: 101, type: "bet", amount: 500, currency: "KWD" } : null,
    body_problem: decodes ? null : "5 bytes are not a casino.events.v1.Event",
    body_base64: "/wGAgIA=",
    body_bytes: 5,
  };
}

/** Returns a letter that was edited and replayed, the letter that its replay became, and another one, oldest first. */
export function replayedInVain(): DeadLetter[] {
  const first = deadLetter(0);
  const acted = { status: "replayed", acted_by: "bob", acted_at: "2026-11-24T22:21:00.000Z" } as const;
  const again = { message_id: first.message_id, previous: first.number, replays: 1, subscriber: "subscriber-2" };
  const [, { by, at, event }] = editsInVain;
  return [
    { ...first, ...acted },
    {
      ...{ ...deadLetter(2), ...again, event: editsInVain[0].event, edited: { by, at, event } },
      ...{ detail: 'currency = "XTS": the rates have no XTS', last_failed_at: "2026-11-24T22:21:05.000Z" },
    },
    { ...deadLetter(4), last_failed_at: "2026-11-24T22:40:00.000Z" },
  ];
}

export const editsInVain = [
  { letter: 0, by: "anna", at: "2026-11-24T22:20:00.000Z", event: { ...deadLetter(0).event, currency: "XTS" } },
  {
    letter: 2,
    by: "carol",
    at: "2026-11-24T22:30:00.000Z",
    event: { ...deadLetter(0).event, currency: "EUR", amount: 5 },
  },
] as const;

/** This fake accepts any JSON with an id as an event. */
function editOf({ message_id, event, edited }: DeadLetter, json: string): Edit {
  const before = edited?.event ?? event;
  const refused = (problem: string) => ({ message_id, before, after: null, problem });
  try {
    const after = JSON.parse(json);
    return after.id === undefined ? refused("id is missing") : { message_id, before, after, problem: null };
  } catch (error) {
    return refused(String(error));
  }
}

export function problem(status: number, title: string, detail: string): Response {
  return new Response(JSON.stringify({ type: "about:blank", title, status, detail }), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}
