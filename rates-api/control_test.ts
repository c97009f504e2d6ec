import "../shared/runtime/deno_workarounds/without_env.ts";
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { controlClient } from "./control_client.ts";
import { type Faults, noFaults } from "./faults.ts";
import { casino, grpc } from "./generated/protobuf.js";
import { RecordedLog } from "../tests/fixtures/recorded_telemetry.ts";
import { apiKey, controlKey, startMock, TestClient, testMock } from "../tests/fixtures/mock_rates_api.ts";

const service = "/casino.rates.v1.MockControlService";

Deno.test("SetFaults replaces all faults of the running server, and returns them", async () => {
  const log = new RecordedLog();
  await using api = await startMock({ faults: { ...noFaults, delayMs: 50, delayShare: 1 }, log });
  using control = controlClient(api.address, controlKey);
  const faults: Faults = { ...noFaults, errorShare: 1, errorCode: status.DATA_LOSS, wrongAnswer: "too-many" };
  assert.deepEqual(await control.setFaults(faults), faults);
  assert.deepEqual(api.stats().faults, faults);
  const { act, peer } = log.of("act.ended")[0]!.fields;
  assert.match(`${act} ${peer}`, /^set-faults 127\.0\.0\.1:\d+$/);
  using client = new TestClient(api.address);
  await assert.rejects(client.getRates(), { code: status.DATA_LOSS });
});

testMock("SetFaults without faults lets the server behave", async (client, api) => {
  await client.unary(`${service}/SetFaults`, new Uint8Array(), controlKey);
  assert.deepEqual(api.stats().faults, noFaults);
}, { faults: { ...noFaults, errorShare: 1 } });

testMock("SetFaults refuses what is out of range, naming it, and changes nothing", async (client, api) => {
  const set = (faults: casino.rates.v1.Faults.$Properties) =>
    client.unary(`${service}/SetFaults`, casino.rates.v1.SetFaultsRequest.encode({ faults }).finish(), controlKey);
  const { INVALID_ARGUMENT: code } = status;
  await assert.rejects(set({ errorShare: 1.5 }), { code, details: /errorShare is 1.5/ });
  await assert.rejects(set({ wrongShare: NaN }), { code, details: /wrongShare is NaN/ });
  await assert.rejects(set({ errorCode: 99 }), { code, details: /errorCode is 99/ });
  const noKind: number = 99;
  await assert.rejects(set({ wrongAnswer: noKind }), { code, details: /wrong_answer is 99/ });
  assert.deepEqual(api.stats().faults, noFaults);
});

testMock("GetStats tells what stats() tells; ResetStats forgets the calls that ended", async (client, api) => {
  using control = controlClient(api.address, controlKey);
  await client.getRates();
  await assert.rejects(client.getRates({ base: "X" }));
  const stats = await control.stats();
  assert.deepEqual({ ...stats }, { ...api.stats() });
  assert.deepEqual([stats.calls, stats.answered, stats.invalid], [2, 1, 1]);
  await control.resetStats();
  assert.equal((await control.stats()).calls, 0);
});

Deno.test("the control service requires its own key", async () => {
  await using api = await startMock();
  const refusal = { message: /^The rates API at 127\.0\.0\.1:\d+ rejected the key: / };
  // The controls reject the rates key, and GetRates rejects the controls' key.
  for (const key of ["wrong", apiKey]) {
    using control = controlClient(api.address, key);
    await assert.rejects(control.setFaults({ ...noFaults, errorShare: 1 }), refusal);
    await assert.rejects(control.stats(), refusal);
    await assert.rejects(control.resetStats(), refusal);
  }
  using control = controlClient(api.address, controlKey);
  await assert.rejects(control.rates(), refusal);
  assert.deepEqual(api.stats().faults, noFaults);
});

testMock("without a key for them there are no controls, and none are listed", async (client, api) => {
  for (const key of [apiKey, controlKey]) {
    using control = controlClient(api.address, key);
    await assert.rejects(
      control.stats(),
      /has no controls: it is not the mock, or was started without RATES_CONTROL_KEY/,
    );
  }
  const check = grpc.health.v1.HealthCheckRequest.encode({ service: service.slice(1) }).finish();
  await assert.rejects(client.unary("/grpc.health.v1.Health/Check", check), { code: status.NOT_FOUND });
  using control = controlClient(api.address, apiKey);
  assert.equal((await control.rates()).count, 31);
}, { controlKey: undefined });
