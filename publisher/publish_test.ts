import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { OutgoingMessage } from "../shared/rabbitmq/message.ts";
import { PublishError } from "../shared/rabbitmq/publish/publisher.ts";
import { decodeEvent } from "../shared/event/protobuf.ts";
import { seededRandom } from "../shared/runtime/random.ts";
import { VirtualClock } from "../tests/fixtures/virtual_clock.ts";
import { type Generated, generateEvents } from "./generator.ts";
import { type ConfirmedSender, Pace, publishEvents, type PublishOptions, summary, Tally } from "./publish.ts";

/** Settles the n-th message with `settle(n)`. */
class ScriptedSender implements ConfirmedSender {
  readonly sent: OutgoingMessage[] = [];
  constructor(private readonly settle: (n: number) => PublishError["reason"] | undefined = () => undefined) {}
  room = () => undefined;
  send(message: OutgoingMessage, settled: (error?: PublishError) => void): void {
    const reason = this.settle(this.sent.push(message));
    settled(reason && new PublishError(reason, message.messageId, "as scripted"));
  }
  flush = () => Promise.resolve();
}

function events(): Generator<Generated, never> {
  return generateEvents({ random: seededRandom(1), players: 10, firstId: 1n, timeMs: () => 1_700_000_000_000 });
}

function options(changes: Partial<PublishOptions>): PublishOptions {
  return {
    source: events(),
    sender: new ScriptedSender(),
    exchange: "events",
    count: 10,
    rate: undefined,
    clock: new VirtualClock(),
    tally: new Tally(),
    onFailure: () => {},
    stop: new AbortController().signal,
    ...changes,
  };
}

Deno.test("publishEvents() uses the player as routing key, for exchanges that shard by it", async () => {
  const sender = new ScriptedSender();
  await publishEvents(options({ sender }));
  const made = events();
  const players = sender.sent.map(() => String(made.next().value.event.playerId));
  deepStrictEqual(sender.sent.map(({ routingKey }) => routingKey), players);
  strictEqual(new Set(players).size > 1, true);
});

Deno.test("publishEvents() sends exactly the requested number of unchanged events", async () => {
  const sender = new ScriptedSender();
  await publishEvents(options({ sender }));
  const expected = events();
  deepStrictEqual(
    sender.sent.map(({ messageId, body }) => ({ messageId, event: decodeEvent(body) })),
    Array.from({ length: 10 }, () => expected.next().value),
  );
});

Deno.test("publishEvents() sends nothing for a count of 0, and everything without a count", async () => {
  for (const [count, sent] of [[0, 0], [undefined, 3]] as const) {
    const sender = new ScriptedSender();
    await publishEvents(options({ sender, count, source: Array.from({ length: 3 }, () => events().next().value) }));
    strictEqual(sender.sent.length, sent);
  }
});

Deno.test("publishEvents() counts confirmed, returned and failed messages, and reports each failure", async () => {
  const tally = new Tally();
  const failures: string[] = [];
  const sender = new ScriptedSender((n) => n === 3 ? "returned" : n === 5 ? "refused" : undefined);
  await publishEvents(options({ sender, tally, onFailure: ({ reason }) => failures.push(reason) }));
  deepStrictEqual({ ...tally }, { published: 10, confirmed: 8, returned: 1, failed: 1 });
  deepStrictEqual(failures, ["returned", "refused"]);
  match(
    summary(tally, 2, 4),
    /^published 10, confirmed 8, returned 1, failed 1, 4 bad lines skipped; 4 events\/s over 2.0 s$/,
  );
});

Deno.test("publishEvents() stops when told to, and waits for its confirms", async () => {
  const stop = new AbortController();
  let flushed = false;
  const sender = new ScriptedSender((n) => void (n === 4 && stop.abort()));
  sender.flush = () => Promise.resolve(void (flushed = true));
  await publishEvents(options({ sender, stop: stop.signal, count: undefined }));
  strictEqual(sender.sent.length, 4);
  strictEqual(flushed, true);
});

Deno.test("Pace.due() keeps the average rate of a run, and does not catch up after a long pause", async () => {
  const clock = new VirtualClock();
  const pace = new Pace(10, clock);
  const never = new AbortController().signal;
  const sendFor = async (ms: number) => {
    const until = clock.monotonic() + ms;
    let sent = 0;
    const sending = (async () => {
      while (clock.monotonic() < until) {
        await pace.due(never);
        sent++;
      }
    })();
    await clock.advance(ms);
    await clock.advance(100);
    await sending;
    return sent;
  };
  strictEqual(Math.abs(await sendFor(10_000) - 100) <= 1, true);
  await clock.advance(60_000);
  strictEqual(Math.abs(await sendFor(10_000) - 110) <= 2, true, "a second's worth at once, then the rate again");
});
