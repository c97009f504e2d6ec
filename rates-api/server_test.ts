import "../shared/runtime/deno_workarounds/without_env.ts";
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { casino } from "../shared/event/generated/protobuf.js";
import { silentLog } from "../shared/runtime/telemetry/log.ts";
import { VirtualClock } from "../tests/fixtures/virtual_clock.ts";
import { type Faults, noFaults } from "./faults.ts";
import { referenceRates, referenceTimeMs, walkingQuotes } from "./quotes.ts";
import type { RunningRatesApi } from "./server.ts";
import { apiKey, eventually, startMock, TestClient, testMock } from "../tests/fixtures/mock_rates_api.ts";

testMock("GetRates gives all rates when no symbol is named, exact and with their time", async (client) => {
  const { base, asOf, rates } = await client.getRates();
  assert.equal(base, "EUR");
  assert.deepEqual({ ...rates }, referenceRates);
  assert.equal(Number(asOf?.seconds) * 1000, referenceTimeMs);
});

testMock("GetRates gives the symbols named and no others", async (client) => {
  assert.deepEqual({ ...(await client.getRates({ symbols: ["USD", "BTC"] })).rates }, {
    USD: "1.0705",
    BTC: "0.0000176",
  });
});

testMock("GetRates refuses a base or symbol that is not served, naming it", async (client, api) => {
  const { INVALID_ARGUMENT: code } = status;
  await assert.rejects(client.getRates({ base: "USD" }), { code, details: /base "USD" .* "EUR"/ });
  await assert.rejects(client.getRates({ base: "" }), { code, details: /base ""/ });
  await assert.rejects(client.getRates({ symbols: ["USD", "XYZ"] }), { code, details: /symbol "XYZ" .*USD, JPY/ });
  await assert.rejects(client.getRates({ symbols: ["constructor"] }), { code, details: /symbol "constructor"/ });
  assert.equal(api.stats().invalid, 4);
});

testMock("GetRates refuses a call without the key, whatever else it asks", async (client, api) => {
  const { UNAUTHENTICATED: code } = status;
  await assert.rejects(client.getRates({}, ""), { code, details: /the x-api-key in the metadata is wrong/ });
  await assert.rejects(client.getRates({ base: "USD" }, `${apiKey}x`), { code });
  const path = "/casino.rates.v1.RatesService/GetRates";
  await assert.rejects(client.unary(path, new Uint8Array()), { code, details: /has no x-api-key/ });
  assert.equal(api.stats().unauthenticated, 3);
});

Deno.test("GetRates follows the walk as the clock advances", async () => {
  const clock = new VirtualClock();
  const quotes = walkingQuotes({ seed: 9, stepMs: 1_000, startMs: clock.now() });
  await using api = await startMock({ clock, quotes });
  using client = new TestClient(api.address);
  const before = await client.getRates();
  assert.deepEqual({ ...(await client.getRates()).rates }, { ...before.rates });
  await clock.advance(60_000);
  const after = await client.getRates();
  assert.equal(Number(after.asOf?.seconds), Number(before.asOf?.seconds) + 60);
  assert.deepEqual({ ...after.rates }, quotes.at(clock.now()).rates);
});

Deno.test("a delayed call returns after its delay, with the rates of that moment", async () => {
  const clock = new VirtualClock();
  const quotes = walkingQuotes({ seed: 9, stepMs: 100, startMs: clock.now() });
  await using api = await startMock({ clock, quotes, faults: { ...noFaults, delayMs: 300, delayShare: 1 } });
  using client = new TestClient(api.address);
  const { answer } = client.startRates({});
  await eventually(() => clock.sleepers === 1);
  await clock.advance(299);
  assert.equal(api.stats().inFlight, 1);
  await clock.advance(1);
  assert.deepEqual({ ...(await decoded(answer)).rates }, quotes.at(clock.now()).rates);
  assert.equal(api.stats().answered, 1);
});

testMock("a call fails with the code that was asked for", async (client, api) => {
  await assert.rejects(client.getRates(), { code: status.RESOURCE_EXHAUSTED, details: /injected failure/ });
  assert.equal(api.stats().failed, 1);
}, { faults: { ...noFaults, errorShare: 1, errorCode: status.RESOURCE_EXHAUSTED } });

testMock("a wrong answer goes out as if it were right, and is counted", async (client, api) => {
  const { rates } = await client.getRates();
  assert.deepEqual([...new Set(Object.values(rates))], ["0"]);
  assert.equal(api.stats().answeredWrongly, 1);
}, { faults: { ...noFaults, wrongShare: 1, wrongAnswer: "zero" } });

for (
  const [what, faults] of [["swallowed", { blackHoleShare: 1 }], ["delayed", {
    delayMs: 600_000,
    delayShare: 1,
  }]] as const
) {
  testMock(`a ${what} call ends at the client's deadline, on the server too`, async (client, api) => {
    // Long enough for the call to reach the server on a busy machine.
    const late = client.getRates({}, apiKey, { deadline: Date.now() + 2_000 });
    await assert.rejects(late, { code: status.DEADLINE_EXCEEDED });
    await eventually(() => api.stats().givenUp === 1);
    assert.equal(api.stats().inFlight, 0);
  }, { faults: { ...noFaults, ...faults } });

  testMock(`a ${what} call ends when the client cancels it, on the server too`, async (client, api) => {
    const { call, answer } = client.startRates({});
    await eventually(() => api.stats().inFlight === 1);
    call.cancel();
    await assert.rejects(answer, { code: status.CANCELLED });
    await eventually(() => api.stats().givenUp === 1);
    assert.equal(api.stats().inFlight, 0);
  }, { faults: { ...noFaults, ...faults } });
}

testMock("setFaults() acts on the next call, and refuses what is out of range", async (client, api) => {
  await client.getRates();
  api.setFaults({ ...noFaults, errorShare: 1 });
  await assert.rejects(client.getRates(), { code: status.UNAVAILABLE });
  const outOfRange: Faults = { ...noFaults, errorShare: 2 };
  assert.throws(() => api.setFaults(outOfRange), RangeError);
  assert.equal(api.stats().faults.errorShare, 1);
});

testMock("stats() counts each call once", async (client, api) => {
  await Promise.allSettled(Array.from({ length: 60 }, () => client.getRates()));
  await Promise.allSettled([client.getRates({}, "wrong"), client.getRates({ base: "XXX" })]);
  const { calls, inFlight, answered, failed, answeredWrongly, unauthenticated, invalid } = api.stats();
  assert.deepEqual({ calls, inFlight, unauthenticated, invalid }, {
    calls: 62,
    inFlight: 0,
    unauthenticated: 1,
    invalid: 1,
  });
  assert.equal(answered + failed + answeredWrongly, 60);
  for (const count of [answered, failed, answeredWrongly]) assert.ok(count > 0);
}, { faults: { ...noFaults, errorShare: 0.3, wrongShare: 0.3 } });

Deno.test("close() finishes calls in flight, and accepts no new ones", async () => {
  const clock = new VirtualClock();
  await using api = await startMock({ clock, faults: { ...noFaults, delayMs: 300, delayShare: 1 } });
  using client = new TestClient(api.address);
  const { answer } = client.startRates({});
  await eventually(() => clock.sleepers === 1);
  const closed = api.close();
  await assert.rejects(Deno.connect({ port: Number(api.address.split(":")[1]) }), Deno.errors.ConnectionRefused);
  await clock.advance(300);
  assert.equal((await decoded(answer)).rates["USD"], "1.0705");
  client.close();
  await closed;
  assert.equal(api.stats().answered, 1);
});

testMock("close() cuts the calls in flight once its signal is aborted", async (client, api) => {
  const { answer } = client.startRates({});
  const cut = assert.rejects(answer);
  await eventually(() => api.stats().inFlight === 1);
  const grace = new AbortController();
  const closed = api.close(grace.signal);
  grace.abort();
  await closed;
  await cut;
  await eventually(() => api.stats().givenUp === 1);
}, { faults: { ...noFaults, blackHoleShare: 1 } });

Deno.test("disposal closes at once, and aborts the calls in flight", async () => {
  let cut: Promise<void>;
  let api: RunningRatesApi;
  {
    await using own = await startMock({ faults: { ...noFaults, blackHoleShare: 1 } });
    api = own;
    const client = new TestClient(own.address);
    cut = assert.rejects(client.startRates({}).answer).finally(() => client.close());
    await eventually(() => own.stats().inFlight === 1);
  }
  await cut;
  await eventually(() => api.stats().givenUp === 1);
});

Deno.test("startRatesApi() reports an address in use in one sentence", async () => {
  await using api = await startMock();
  const message =
    `RATES_API_ADDRESS=${api.address} is in use by another program; stop that program, or set RATES_API_ADDRESS to another host:port.`;
  await assert.rejects(startMock({ address: api.address }), { message });
});

Deno.test("startRatesApi() reports an address of another machine", async () => {
  await assert.rejects(startMock({ address: "192.0.2.1:50051" }), {
    message: /^RATES_API_ADDRESS=192\.0\.2\.1:50051 is not an address of this machine/,
  });
});

Deno.test("the mock receives no request that is too large or not protobuf", async () => {
  const messages: string[] = [];
  await using api = await startMock({ log: { ...silentLog, error: (message) => messages.push(message) } });
  using client = new TestClient(api.address);
  const path = "/casino.rates.v1.RatesService/GetRates";
  await assert.rejects(client.unary(path, new Uint8Array(70_000), apiKey), { code: status.RESOURCE_EXHAUSTED });
  await assert.rejects(client.unary(path, Uint8Array.of(0x0a, 0xff), apiKey), { code: status.INTERNAL });
  assert.equal((await client.getRates()).base, "EUR");
  assert.deepEqual(messages, []);
});

async function decoded(answer: Promise<Uint8Array>) {
  return casino.rates.v1.GetRatesResponse.decode(await answer);
}
