/** One suite for every {@linkcode Fleet}: Redis, and the in-memory one. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import {
  type Fleet,
  mostQuestions,
  questionLifeMs,
  type SubscriberReport,
  TooManyQuestions,
} from "../../subscriber/metrics/fleet/fleet.ts";

/** Gets an empty fleet; each call of `pass` lets at least this many ms pass. */
type Use = (fleet: Fleet, pass: (ms: number) => Promise<void>) => Promise<void>;

export interface Subject {
  readonly name: string;
  withFleet(use: Use): Promise<void>;
}

export function reportOf(id: string, changes: Partial<SubscriberReport> = {}): SubscriberReport {
  return {
    ...{ id, version: "0.2.0", state: "holding", state_ms: 12, consuming: true, events: 500, batches: 2 },
    ...{ oldest_ms: 13_000, last_error: 'no "password"', last_error_ms: 7, ...changes },
  };
}

export function testFleet({ name, withFleet }: Subject): void {
  const test = (what: string, use: Use) => Deno.test(`${name}: ${what}`, () => withFleet(use));
  const reports = async (fleet: Fleet) => (await fleet.read()).map(({ heard_ms: _, ...report }) => report);

  test("read() returns each subscriber's last report, by id", async (fleet) => {
    deepStrictEqual(await fleet.read(), []);
    await fleet.tell(reportOf("two"));
    await fleet.tell(reportOf("one", { last_error: null, last_error_ms: null }));
    await fleet.tell(reportOf("two", { state: "working", events: 0 }));
    deepStrictEqual(await reports(fleet), [
      reportOf("one", { last_error: null, last_error_ms: null }),
      reportOf("two", { state: "working", events: 0 }),
    ]);
  });

  test("read() returns the age of each report", async (fleet, pass) => {
    await fleet.tell(reportOf("one"));
    await pass(60);
    const [heard] = await fleet.read();
    strictEqual(heard!.heard_ms >= 60 && heard!.heard_ms < 10_000, true, String(heard!.heard_ms));
  });

  test("leave() forgets only one subscriber", async (fleet) => {
    for (const id of ["one", "two", "three"]) await fleet.tell(reportOf(id));
    await fleet.leave("two");
    await fleet.leave("two");
    deepStrictEqual((await fleet.read()).map(({ id }) => id), ["one", "three"]);
    await fleet.leave("one");
    await fleet.leave("three");
    deepStrictEqual(await fleet.read(), []);
  });

  test("tell() returns the open questions to each subscriber, and answers() their answers", async (fleet) => {
    deepStrictEqual(await fleet.tell(reportOf("one")), []);
    const questions = [{ id: "a", text: '"where"?' }, { id: "b", text: "" }];
    for (const question of questions) await fleet.ask(question);
    for (const id of ["one", "two", "one"]) deepStrictEqual(await fleet.tell(reportOf(id)), questions);
    await fleet.answer("a", "two", "not here");
    await fleet.answer("b", "one", "here");
    deepStrictEqual(await fleet.answers("a", ["one", "two"]), [undefined, "not here"]);
    deepStrictEqual(await fleet.answers("b", ["one", "two"]), ["here", undefined]);
    deepStrictEqual(await fleet.answers("c", ["one"]), [undefined]);
  });

  test("a question expires by itself", async (fleet, pass) => {
    await fleet.ask({ id: "a", text: "where?" });
    await pass(questionLifeMs);
    deepStrictEqual(await fleet.tell(reportOf("one")), []);
  });

  test("ask() rejects more questions than subscribers answer", async (fleet) => {
    for (let n = 0; n < mostQuestions; n++) await fleet.ask({ id: String(n), text: "where?" });
    await rejects(fleet.ask({ id: "one more", text: "where?" }), TooManyQuestions);
    strictEqual((await fleet.tell(reportOf("one"))).length, mostQuestions);
  });

  test("50 concurrent reports are all stored", async (fleet) => {
    const ids = Array.from({ length: 50 }, (_, n) => `subscriber-${String(n).padStart(2, "0")}`);
    await Promise.all(ids.map((id) => fleet.tell(reportOf(id))));
    deepStrictEqual((await fleet.read()).map(({ id }) => id), ids);
  });
}
