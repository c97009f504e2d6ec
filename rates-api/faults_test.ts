import "../shared/runtime/deno_workarounds/without_env.ts";
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import fc from "fast-check";
import { seededRandom } from "../shared/runtime/random.ts";
import { UsageError } from "../shared/runtime/configuration/command.ts";
import { faultsFromMessage, faultsToMessage } from "./control_service.ts";
import {
  checkFaults,
  drawFate,
  type Faults,
  faultsOf,
  noFaults,
  spoil,
  type WrongAnswer,
  wrongAnswers,
} from "./faults.ts";
import { casino } from "./generated/protobuf.js";
import { fixedQuotes } from "./quotes.ts";

const draws = 10_000;

Deno.test("drawFate() applies each fault to its share of the calls", () => {
  const faults: Faults = { ...noFaults, errorShare: 0.2, wrongShare: 0.3, blackHoleShare: 0.1 };
  const random = seededRandom(42);
  const seen = { answer: 0, error: 0, wrong: 0, "black-hole": 0 };
  for (let i = 0; i < draws; i++) seen[drawFate(faults, random).ending]++;
  // Five standard deviations of a binomial draw are at most 0.025 of the draws.
  for (const [ending, share] of [["answer", 0.4], ["error", 0.2], ["wrong", 0.3], ["black-hole", 0.1]] as const) {
    assert.ok(Math.abs(seen[ending] / draws - share) < 0.025, `${ending}: ${seen[ending]}`);
  }
});

Deno.test("drawFate() delays its share of the calls by delay to delay + jitter", () => {
  const random = seededRandom(1);
  const faults: Faults = { ...noFaults, delayMs: 100, jitterMs: 10, delayShare: 0.5 };
  const delays = Array.from({ length: draws }, () => drawFate(faults, random).delayMs);
  const delayed = delays.filter((ms) => ms > 0);
  assert.ok(Math.abs(delayed.length / draws - 0.5) < 0.025, String(delayed.length));
  assert.equal(Math.min(...delayed), 100);
  assert.equal(Math.max(...delayed), 110);
});

Deno.test("drawFate() answers at once without faults, and never correctly with a share of 1", () => {
  const random = seededRandom(3);
  for (let i = 0; i < 1_000; i++) {
    assert.deepEqual(drawFate(noFaults, random), { delayMs: 0, ending: "answer" });
    assert.equal(drawFate({ ...noFaults, errorShare: 1 }, random).ending, "error");
  }
});

Deno.test("checkFaults() names the values that are out of range", () => {
  const wrong: [Partial<Faults>, RegExp][] = [
    [{ delayMs: -1 }, /delayMs is -1/],
    [{ jitterMs: 1.5 }, /jitterMs is 1.5/],
    [{ delayMs: 600_001 }, /0 to 600000/],
    [{ delayShare: 1.1 }, /delayShare is 1.1/],
    [{ blackHoleShare: NaN }, /blackHoleShare is NaN/],
    [{ errorCode: 0 }, /errorCode is 0/],
    [{ errorCode: 17 }, /errorCode is 17/],
    [{ errorShare: 0.6, wrongShare: 0.5 }, /must not exceed 1/],
  ];
  for (const [part, message] of wrong) assert.throws(() => checkFaults({ ...noFaults, ...part }), { message });
  checkFaults({ ...noFaults, errorShare: 0.7, wrongShare: 0.2, blackHoleShare: 0.1 });
});

Deno.test("spoil() produces each kind of wrong answer", () => {
  const good = { base: "EUR", ...fixedQuotes.at(0) };
  const changed = (how: WrongAnswer) => {
    const { rates } = spoil(good, how);
    assert.deepEqual(Object.keys(rates), Object.keys(good.rates));
    return [...new Set(Object.values(rates))];
  };
  assert.deepEqual(changed("zero"), ["0"]);
  assert.deepEqual(changed("negative"), ["-1.0705"]);
  assert.deepEqual(changed("nan"), ["NaN"]);
  assert.deepEqual(changed("absurd"), ["9".repeat(40)]);
  assert.equal(spoil(good, "missing-base").base, "");
  assert.ok(Object.keys(spoil(good, "too-many").rates).length > 5_000);
  assert.equal(new Date(spoil(good, "old").asOfMs).getUTCFullYear(), 2023);
  assert.deepEqual(spoil(good, "empty").rates, {});
});

Deno.test("faults survive encoding and decoding", () => {
  const share = fc.double({ min: 0, max: 0.33, noNaN: true });
  const delay = fc.integer({ min: 0, max: 600_000 });
  const anyFaults: fc.Arbitrary<Faults> = fc.record({
    ...{ delayMs: delay, jitterMs: delay, delayShare: share, errorShare: share, wrongShare: share },
    ...{ errorCode: fc.integer({ min: 1, max: 16 }), wrongAnswer: fc.constantFrom(...wrongAnswers) },
    blackHoleShare: share,
  }, { noNullPrototype: true });
  const { Faults: Message } = casino.rates.v1;
  fc.assert(fc.property(anyFaults, (faults) => {
    const bytes = Message.encode(faultsToMessage(faults)).finish();
    assert.deepEqual(faultsFromMessage(Message.decode(bytes)), faults);
  }));
});

Deno.test("kinds of wrong answers have the numbers of the schema's enum", () => {
  const { WrongAnswer: numbers } = casino.rates.v1;
  for (const kind of wrongAnswers) {
    const name = `WRONG_ANSWER_${kind.toUpperCase().replaceAll("-", "_")}` as keyof typeof numbers;
    assert.equal(faultsToMessage({ ...noFaults, wrongAnswer: kind }).wrongAnswer, numbers[name], kind);
  }
});

const noFlags: Parameters<typeof faultsOf>[0] = {
  ...{ "delay-ms": undefined, "jitter-ms": undefined, "delay-share": undefined, "error-share": undefined },
  ...{ "error-code": undefined, "wrong-share": undefined, "wrong-answer": undefined, "black-hole-share": undefined },
};

Deno.test("faultsOf() delays every call by default, and reads error codes by name", () => {
  assert.deepEqual(faultsOf(noFlags), noFaults);
  assert.deepEqual(faultsOf({ ...noFlags, "delay-ms": 300 }), { ...noFaults, delayMs: 300, delayShare: 1 });
  assert.deepEqual(
    faultsOf({ ...noFlags, "error-share": 0.5, "error-code": "ABORTED" }),
    { ...noFaults, errorShare: 0.5, errorCode: status.ABORTED },
  );
});

Deno.test("faultsOf() rejects a flag without the flag that it needs, and shares above 1", () => {
  for (
    const flags of [
      { "delay-share": 0.5 },
      { "error-code": "ABORTED" },
      { "wrong-answer": "nan" },
      { "error-share": 0.9, "black-hole-share": 0.9 },
    ]
  ) {
    assert.throws(() => faultsOf({ ...noFlags, ...flags }), UsageError);
  }
});
