/** `deno task dead list|show|replay|drop` */
import { ConfirmPublisher } from "../../shared/rabbitmq/publish/publisher.ts";
import { eventTopology } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { onDeadLetterChannel } from "../../shared/rabbitmq/dead/channel.ts";
import { type DeadLetter, deadLetterToJson, mostBodyListed } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { drop, list, replay, type Selection } from "../../shared/rabbitmq/dead/dead_letter_queue.ts";
import { systemRandom as random } from "../../shared/runtime/random.ts";
import { onShutdownSignal } from "../../shared/runtime/shutdown.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { printable, printableJson } from "../../shared/runtime/printable.ts";
import { parseMessageId } from "../../shared/rabbitmq/message_id.ts";
import { countReasons, describeInFull, summarize } from "./print.ts";

/** An operator waits for the answer: better a clear failure soon than a retry of half a minute for each letter. */
const publishTimeoutMs = 5_000;

await runCommand({
  name: "deno task dead",
  summary: "Dead letters: events that could not be processed, each with its reason.\n" +
    "list shows them, show ID all of one; replay publishes them again under their own ids; drop removes them for good.",
  operands: "<list|show ID|replay|drop>",
  flags: {
    reason: { value: "REASON,…", help: "only those with one of these reasons" },
    id: { value: "ID,…", help: "only those with one of these message ids" },
    all: { help: "replay, drop: all of them; without it, --reason or --id is needed" },
    limit: { short: "n", value: "N", help: "at most so many", integer: { min: 1, max: 1_000_000_000 } },
    rate: { value: "N", help: "replay: at most so many a second", integer: { min: 1, max: 1_000_000 } },
    force: { help: "replay: also those that were replayed 10 times already" },
    json: { help: "one JSON object a line" },
  },
  settings: ["RABBITMQ_URL", "TOPOLOGY", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "DEAD_LETTER_QUEUE"],
  examples: [
    "deno task dead list --reason rates-timeout",
    "deno task dead show 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "deno task dead replay --reason rates-timeout,unknown-currency --rate 100",
    "deno task dead drop --id 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
  ],
}, async ({ flags, operands: [action, operandId, ...rest], config }) => {
  if (!action || !["list", "show", "replay", "drop"].includes(action)) {
    throw new UsageError(`"${action ?? ""}" is none of list, show, replay, drop`);
  }
  if (rest.length > 0 || (operandId !== undefined && action !== "show")) {
    throw new UsageError(`${action} takes no "${rest[0] ?? operandId}"; --id picks letters by their message ids`);
  }
  const ids = split(operandId ?? flags.id)?.map((id) => parseMessageId(id) ?? id);
  const reasons = split(flags.reason);
  if (action === "show" && !ids) throw new UsageError("show takes the message id of the letter");
  if ((action === "replay" || action === "drop") && !ids && !reasons && !flags.all) {
    throw new UsageError(`${action} takes --reason, --id or --all, for it acts on all letters that it finds`);
  }
  using shutdown = onShutdownSignal(0, silentLog);
  const selection: Selection = {
    filter: { ...(ids && { ids }), ...(reasons && { reasons }) },
    limit: flags.limit,
    stop: shutdown.stop,
  };
  const queue = config.DEAD_LETTER_QUEUE;
  // One letter that is asked for is shown whole, and so is one that is gone afterwards.
  const mostBodyBytes = action === "show" || action === "drop" ? Infinity : mostBodyListed;
  const print = (letter: DeadLetter, text: (letter: DeadLetter) => string) =>
    console.log(flags.json ? printableJson(JSON.stringify(deadLetterToJson(letter, mostBodyBytes))) : text(letter));

  return await onDeadLetterChannel(config.RABBITMQ_URL, queue, async (channel) => {
    const counts = new Map<string, number>();
    const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
    switch (action) {
      case "list":
        for await (const letter of list(channel, queue, selection)) {
          count(letter.reason);
          print(letter, summarize);
        }
        if (!flags.json) console.log(counts.size === 0 ? `No dead letters in ${queue}.` : countReasons(counts));
        return 0;

      case "show":
        for await (const letter of list(channel, queue, selection)) {
          count(letter.reason);
          print(letter, describeInFull);
        }
        if (counts.size === 0) console.error(`${queue} has no letter ${ids?.join(", ")}.`);
        return counts.size === 0 ? 1 : 0;

      case "drop":
        for await (const letter of drop(channel, queue, selection)) {
          count(letter.reason);
          print(letter, ({ messageId, reason }) => printable(`dropped ${messageId}  ${reason}`));
        }
        if (!flags.json) console.log(counts.size === 0 ? "Nothing to drop." : `Dropped ${countReasons(counts)}`);
        return 0;

      default: {
        const publisher = new ConfirmPublisher({
          url: config.RABBITMQ_URL,
          name: "casino dead replay",
          topology: eventTopology(config),
          giveUpAfterMs: publishTimeoutMs,
          clock,
          random,
          log: silentLog,
        });
        const { rate, force } = flags;
        const options = { ...selection, exchange: config.EVENTS_EXCHANGE, publisher, clock, rate, force };
        for await (const replayed of replay(channel, queue, options)) {
          count(replayed.result);
          const { messageId, reason } = replayed.letter;
          const words = replayed.result === "replayed" ? "" : `: ${replayed.problem}`;
          print(replayed.letter, () => printable(`${replayed.result} ${messageId}  ${reason}${words}`));
        }
        await publisher.close();
        if (!flags.json) console.log(counts.size === 0 ? "Nothing to replay." : countReasons(counts));
        return counts.has("failed") || counts.has("refused") ? 1 : 0;
      }
    }
  });
});

function split(list: string | undefined): string[] | undefined {
  return list?.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "");
}
