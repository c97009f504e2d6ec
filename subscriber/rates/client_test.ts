import "../../shared/runtime/deno_workarounds/without_env.ts";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage } from "node:http";
import process from "node:process";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { type Faults, noFaults } from "../../rates-api/faults.ts";
import { referenceRates, referenceTimeMs } from "../../rates-api/quotes.ts";
import { apiKey, eventually, startMock } from "../../tests/fixtures/mock_rates_api.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { grpcRatesApi, type RatesFailure, RatesUnavailable } from "./client.ts";

const timeoutMs = 5_000;
const never = new AbortController().signal;

function clientOf(address: string, options: { apiKey?: string; timeoutMs?: number; proxy?: string } = {}) {
  return grpcRatesApi({ address, apiKey, timeoutMs, clock, ...options });
}

function failsFor(reason: RatesFailure, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof RatesUnavailable, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, message);
    return true;
  };
}

Deno.test("fetch() returns all rates of the API, digit for digit, with their time", async () => {
  await using api = await startMock();
  const { asOfMs, perEur } = await clientOf(api.address).fetch(never);
  assert.equal(asOfMs, referenceTimeMs);
  assert.deepEqual(Object.fromEntries(Array.from(perEur, ([currency, { text }]) => [currency, text])), referenceRates);
  assert.deepEqual(perEur.get("IDR"), { text: "17487.21", units: 1_748_721n, scale: 2 });
});

Deno.test("fetch() leaves no connection open, and can be called again", async () => {
  await using api = await startMock();
  const client = clientOf(api.address);
  for (let i = 0; i < 3; i++) await client.fetch(never);
  assert.equal(api.stats().answered, 3);
  // Resolves at once only if no client is connected.
  await api.close(new AbortController().signal);
});

const wrong: [Faults["wrongAnswer"], RegExp][] = [
  ["zero", /the rate of [A-Z]{3} is zero/],
  ["negative", /the rate of [A-Z]{3} is "-1.0705"/],
  ["nan", /the rate of [A-Z]{3} is "NaN"/],
  ["absurd", /the rate of [A-Z]{3} is "9{39}…/],
  ["missing-base", /base is "", not EUR/],
  ["too-many", /the limit is 1000/],
  ["empty", /there are no rates/],
];
for (const [wrongAnswer, message] of wrong) {
  Deno.test(`fetch() rejects a wrong answer: ${wrongAnswer}`, async () => {
    await using api = await startMock({ faults: { ...noFaults, wrongShare: 1, wrongAnswer } });
    await assert.rejects(clientOf(api.address).fetch(never), failsFor("invalid-answer", message));
  });
}

Deno.test("fetch() returns old rates with their time, because the cache decides on their age", async () => {
  await using api = await startMock({ faults: { ...noFaults, wrongShare: 1, wrongAnswer: "old" } });
  assert.equal((await clientOf(api.address).fetch(never)).asOfMs, referenceTimeMs - 365 * 86_400_000);
});

Deno.test("fetch() reports a refused key without the key", async () => {
  await using api = await startMock();
  const fetching = clientOf(api.address, { apiKey: "hidden-value" }).fetch(never);
  await assert.rejects(fetching, (error: Error) => {
    assert.ok(!error.message.includes("hidden-value"));
    return failsFor("unauthenticated", /^the rates API at 127\.0\.0\.1:\d+ rejects RATES_API_KEY: /)(error);
  });
});

const statuses: [status, RatesFailure, RegExp][] = [
  [status.UNAVAILABLE, "unavailable", /cannot be reached or is not ready: injected failure/],
  [status.RESOURCE_EXHAUSTED, "failed", /failed with RESOURCE_EXHAUSTED: injected failure/],
  [status.CANCELLED, "failed", /failed with CANCELLED/],
  [status.DEADLINE_EXCEEDED, "deadline", /did not answer within RATES_CALL_TIMEOUT_MS=5000/],
];
for (const [errorCode, reason, message] of statuses) {
  Deno.test(`fetch() reports ${status[errorCode]} as "${reason}" once, without a retry`, async () => {
    await using api = await startMock({ faults: { ...noFaults, errorShare: 1, errorCode } });
    await assert.rejects(clientOf(api.address).fetch(never), failsFor(reason, message));
    assert.equal(api.stats().calls, 1);
  });
}

Deno.test("fetch() gives up at its deadline, and cancels the call on the server", async () => {
  await using api = await startMock({ faults: { ...noFaults, blackHoleShare: 1 } });
  // Long enough for the call to arrive on a busy machine.
  const fetching = clientOf(api.address, { timeoutMs: 2_000 }).fetch(never);
  await assert.rejects(fetching, failsFor("deadline", /did not answer within RATES_CALL_TIMEOUT_MS=2000/));
  await eventually(() => api.stats().givenUp === 1);
});

Deno.test("fetch() gives up when its signal is aborted, and cancels the call on the server", async () => {
  await using api = await startMock({ faults: { ...noFaults, blackHoleShare: 1 } });
  const stop = new AbortController();
  const fetching = assert.rejects(
    clientOf(api.address, { timeoutMs: 60_000 }).fetch(stop.signal),
    failsFor("abandoned", /is no longer awaited/),
  );
  await eventually(() => api.stats().inFlight === 1);
  stop.abort();
  await fetching;
  await eventually(() => api.stats().givenUp === 1);
});

Deno.test("fetch() with an aborted signal makes no call", async () => {
  await using api = await startMock();
  await assert.rejects(clientOf(api.address).fetch(AbortSignal.abort()), failsFor("abandoned", /is no longer awaited/));
  assert.equal(api.stats().calls, 0);
});

// When a channel closes before it connects, grpc-js leaves timers: they end within seconds and keep no process alive.
const leavesTimers = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "fetch() gives up at its own deadline when a server accepts connections but is silent",
  leavesTimers,
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept();
    const address = `127.0.0.1:${listener.addr.port}`;
    await assert.rejects(
      clientOf(address, { timeoutMs: 100 }).fetch(never),
      failsFor("deadline", /did not answer within/),
    );
    (await accepted).close();
  },
);

Deno.test("fetch() reports that no server listens", leavesTimers, async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  await assert.rejects(
    clientOf(address).fetch(never),
    failsFor("unavailable", new RegExp(`${address} cannot be reached`)),
  );
});

Deno.test("fetch() rejects an answer above 256 KiB, or one that is not protobuf", async () => {
  let answer = Buffer.alloc(300 * 1024);
  const server = new Server();
  server.register(
    "/casino.rates.v1.RatesService/GetRates",
    (_: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) => respond(null, answer),
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
    "unary",
  );
  const credentials = ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve) =>
    server.bindAsync("127.0.0.1:0", credentials, (_, port) => resolve(port))
  );
  const client = clientOf(`127.0.0.1:${port}`);
  await assert.rejects(client.fetch(never), failsFor("failed", /RESOURCE_EXHAUSTED/));
  answer = Buffer.of(0x0a, 0xff);
  await assert.rejects(client.fetch(never), failsFor("failed", /failed with INTERNAL/));
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
});

Deno.test("fetch() works after the server restarts gracefully", async () => {
  const first = await startMock();
  const client = clientOf(first.address);
  await client.fetch(never);
  await first.close();
  await using second = await startMock({ address: first.address });
  await client.fetch(never);
  assert.equal(second.stats().answered, 1);
});

/** Starts an HTTP proxy that leads every CONNECT to `server`. */
function proxyTo(server: string) {
  const requests: string[] = [];
  const proxy = createServer().on("connect", (request: IncomingMessage, client: Socket) => {
    requests.push(`${request.method} ${request.url}`);
    const { hostname, port } = new URL(`tcp://${server}`);
    const upstream = connect(Number(port), hostname, () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) socket.on("error", () => {});
  });
  return new Promise<{ address: string; requests: string[] } & AsyncDisposable>((resolve) =>
    proxy.listen(0, "127.0.0.1", () =>
      resolve({
        address: `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
        requests,
        [Symbol.asyncDispose]: () => new Promise((closed) => proxy.close(() => closed())),
      }))
  );
}

Deno.test("fetch() reaches the API through the proxy, which alone resolves its name", async () => {
  await using api = await startMock();
  await using proxy = await proxyTo(api.address);
  const { asOfMs } = await clientOf("rates.example:50051", { proxy: proxy.address }).fetch(never);
  assert.equal(asOfMs, referenceTimeMs);
  assert.deepEqual(proxy.requests, ["CONNECT rates.example:50051"]);
});

Deno.test("fetch() connects to the API directly, whatever http_proxy is set to", leavesTimers, async () => {
  await using api = await startMock();
  await using proxy = await proxyTo(api.address);
  const before = process.env["http_proxy"];
  process.env["http_proxy"] = `http://${proxy.address}`;
  try {
    for (const host of ["127.0.0.1", "localhost"]) await clientOf(api.address.replace("127.0.0.1", host)).fetch(never);
    // The proxy does not resolve other machines' names either.
    await assert.rejects(clientOf("rates.invalid:50051").fetch(never), RatesUnavailable);
  } finally {
    if (before === undefined) delete process.env["http_proxy"];
    else process.env["http_proxy"] = before;
  }
  assert.deepEqual(proxy.requests, []);
});
