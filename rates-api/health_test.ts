import "../shared/runtime/deno_workarounds/without_env.ts";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Metadata, status } from "@grpc/grpc-js";
import { grpc } from "./generated/protobuf.js";
import { TestClient, testMock } from "../tests/fixtures/mock_rates_api.ts";

const { HealthCheckRequest, HealthCheckResponse, HealthListResponse } = grpc.health.v1;
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse.ServingStatus;
const encode = (service: string) => HealthCheckRequest.encode({ service }).finish();

testMock(
  "Check and List say SERVING for the server and its services, without a key, and NOT_FOUND for another",
  async (client) => {
    const check = async (service: string) =>
      HealthCheckResponse.decode(await client.unary("/grpc.health.v1.Health/Check", encode(service))).status;
    const list = HealthListResponse.decode(await client.unary("/grpc.health.v1.Health/List", new Uint8Array()));
    for (const service of ["", "casino.rates.v1.RatesService", "casino.rates.v1.MockControlService"]) {
      assert.deepEqual([await check(service), list.statuses[service]?.status], [SERVING, SERVING], service);
    }
    await assert.rejects(check("casino.rates.v1.Nothing"), { code: status.NOT_FOUND });
  },
);

testMock(
  "Watch says SERVING, then NOT_SERVING when the server leaves, and does not keep it from leaving",
  async (client, api) => {
    const watch = watching(client, "casino.rates.v1.RatesService");
    assert.equal(await watch.next(), SERVING);
    const closed = api.close();
    assert.equal(await watch.next(), NOT_SERVING);
    assert.equal(await watch.next(), "end");
    client.close();
    await closed;
  },
);

testMock("Watch says SERVICE_UNKNOWN for a service that is not known, and stays", async (client) => {
  const watch = watching(client, "casino.rates.v1.Nothing");
  assert.equal(await watch.next(), SERVICE_UNKNOWN);
  watch.cancel();
  await assert.rejects(watch.next(), { code: status.CANCELLED });
});

function watching(client: TestClient, service: string) {
  const call = client.makeServerStreamRequest(
    "/grpc.health.v1.Health/Watch",
    (bytes: Uint8Array) => Buffer.from(bytes),
    (bytes: Buffer) => HealthCheckResponse.decode(bytes).status,
    encode(service),
    new Metadata(),
  );
  const states = call[Symbol.asyncIterator]() as AsyncIterator<number>;
  return {
    async next(): Promise<number | "end"> {
      const { done, value } = await states.next();
      return done ? "end" : value;
    },
    cancel: () => call.cancel(),
  };
}
