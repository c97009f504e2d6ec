import "../shared/runtime/deno_workarounds/without_env.ts";
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { systemClock as clock } from "../shared/runtime/clock.ts";
import type { TraceParent } from "../shared/runtime/telemetry/tracing.ts";
import { RecordedTracing } from "../tests/fixtures/recorded_telemetry.ts";
import { grpcRatesApi } from "../subscriber/rates/client.ts";
import { noFaults } from "./faults.ts";
import { apiKey, startMock } from "../tests/fixtures/mock_rates_api.ts";

const name = "casino.rates.v1.RatesService/GetRates";
const caller: TraceParent = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };
const never = new AbortController().signal;

/** Makes one call, as the subscriber does, with this span as its parent. */
async function call(address: string, span: TraceParent | undefined): Promise<void> {
  const tracing = { active: () => span, inject: new RecordedTracing().inject };
  await grpcRatesApi({ address, apiKey, timeoutMs: 5_000, clock, tracing }).fetch(never);
}

Deno.test("a call inside a span creates a child span on the server", async () => {
  const tracing = new RecordedTracing();
  await using api = await startMock({ tracing });
  await call(api.address, caller);
  const span = tracing.the(name);
  deepStrictEqual([span.parent, span.kind, span.ended, span.error], [caller, "server", true, undefined]);
  deepStrictEqual(span.attributes, {
    "rpc.system.name": "grpc",
    "rpc.method": name,
    "rpc.response.status_code": "OK",
  });
});

Deno.test("a call without a sampled span creates no span", async () => {
  const tracing = new RecordedTracing();
  await using api = await startMock({ tracing });
  await call(api.address, undefined);
  await call(api.address, { ...caller, sampled: false });
  deepStrictEqual([api.stats().answered, tracing.names()], [2, []]);
});

Deno.test("a failed call records its status on its span", async () => {
  const tracing = new RecordedTracing();
  await using api = await startMock({ tracing, faults: { ...noFaults, errorShare: 1 } });
  await rejects(call(api.address, caller));
  strictEqual(tracing.the(name).attributes["rpc.response.status_code"], "UNAVAILABLE");
});
