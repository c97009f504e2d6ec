/** A publisher whose input stops, and a publisher that the broker rejects. */
import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../../fixtures/eventually.ts";
import { TcpProxy } from "../../servers/tcp_proxy.ts";
import { hasLogged, type Member } from "../../../tools/demo/members.ts";
import { project, withWorld, type World } from "../../harness/world.ts";

interface Publisher {
  readonly member: Member;
  /** The summary that the publisher prints at its end. */
  readonly lines: string[];
  /** Resolves with the exit status. */
  ended(): Promise<number>;
  say(text: string): Promise<void>;
}

/** Starts a publisher that reads from stdin, which stays open while `use` runs. */
async function withPublisher(
  world: World,
  args: readonly string[],
  use: (publisher: Publisher) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const lines: string[] = [];
  const options = { reads: true, onLine: (line: string) => void lines.push(line) };
  const member = world.members.start("publisher", ["--input", "-", ...args], { ...world.env, ...env }, options);
  let status: Deno.CommandStatus | undefined;
  member.ended.then((ended) => status = ended);
  const ended = async () => {
    const { code } = await eventually("its end", () => status);
    await member.read;
    return code;
  };
  const input = member.child.stdin.getWriter();
  try {
    await use({ member, lines, ended, say: (text) => input.write(new TextEncoder().encode(text)) });
  } finally {
    await input.close().catch(() => {});
  }
}

const [line] = (await Deno.readTextFile(join(project, "samples/events.ndjson"))).split("\n");

/** Publishes one event through the publisher. */
async function publishOne(world: World, { say }: Publisher, more = ""): Promise<void> {
  const before = await world.messagesIn(world.events);
  await say(`${line}\n${more}`);
  await eventually("the event", async () => await world.messagesIn(world.events) > before || undefined);
}

Deno.test("a publisher with a silent input exits in order, at the end of its duration and on a signal", async () => {
  await withWorld(async (world) => {
    // Declares the queue.
    await world.publish("--count", "1");
    for (const args of [["--duration", "2"], []]) {
      await withPublisher(world, args, async (publisher) => {
        const { member, lines, ended } = publisher;
        await publishOne(world, publisher, "half a l");
        if (args.length === 0) member.child.kill("SIGTERM");
        strictEqual(await ended(), 0);
        match(lines.join("\n"), /^published 1, confirmed 1, returned 0, failed 0;/);
      });
    }
  });
});

Deno.test("a publisher whose input cannot be read still reports the published events, and exits with 1", async () => {
  await withWorld(async (world) => {
    // A directory opens like a file, and fails when it is read.
    await withPublisher(world, ["--input", project], async ({ lines, ended }) => {
      strictEqual(await ended(), 1);
      match(lines.join("\n"), /^published 0, confirmed 0, returned 0, failed 0;/);
    });
  });
});

Deno.test("a publisher that the broker refuses while it waits for input reports it and exits with 1", async () => {
  await withWorld(async (world) => {
    const url = world.env["RABBITMQ_URL"]!.replace("guest:guest", "guest:wrong");
    await withPublisher(world, [], async ({ member, lines, ended }) => {
      strictEqual(await ended(), 1);
      ok(hasLogged(member, "broker.refused"));
      strictEqual(JSON.stringify(member.records).includes("wrong"), false, "no password in the log");
      match(lines.join("\n"), /^published 0, confirmed 0,/);
    }, { RABBITMQ_URL: url });
  });
});

Deno.test("a publisher whose broker is silent at shutdown reports the confirmed events, and exits with 1", async () => {
  await withWorld(async (world) => {
    await world.publish("--count", "1");
    await using proxy = await TcpProxy.before(world.env["RABBITMQ_URL"]!);
    await withPublisher(world, [], async (publisher) => {
      const { member, lines, ended, say } = publisher;
      await publishOne(world, publisher);
      proxy.poison({ kind: "black-hole" });
      await say(`${line}\n`);
      await new Promise((resolve) => setTimeout(resolve, 500));
      member.child.kill("SIGTERM");
      strictEqual(await ended(), 1);
      match(lines.join("\n"), /^published 2, confirmed 1, returned 0, failed 1;/);
    }, { RABBITMQ_URL: proxy.url, SHUTDOWN_GRACE_MS: "500" });
  });
});
