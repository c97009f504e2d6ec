import "../shared/runtime/deno_workarounds/without_env.ts";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Metadata, status } from "@grpc/grpc-js";
import protobuf from "protobufjs/minimal.js";
import { grpc } from "./generated/protobuf.js";
import { TestClient, testMock } from "../tests/fixtures/mock_rates_api.ts";

const { ServerReflectionRequest, ServerReflectionResponse } = grpc.reflection.v1;
type Request = grpc.reflection.v1.ServerReflectionRequest.$Properties;
type Response = grpc.reflection.v1.ServerReflectionResponse;

const services = [
  "casino.rates.v1.MockControlService",
  "casino.rates.v1.RatesService",
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

for (const version of ["v1", "v1alpha"]) {
  testMock(`reflection ${version} lists the services`, async (client) => {
    const [answer] = await reflect(client, [{ listServices: "" }], version);
    assert.deepEqual(answer?.listServicesResponse?.service?.map(({ name }) => name).toSorted(), services);
  });
}

testMock("reflection gives the file of a symbol, after it those that it needs", async (client) => {
  const symbols = ["RatesService", "RatesService.GetRates", "GetRatesResponse"].map((name) =>
    `casino.rates.v1.${name}`
  );
  const answers = await reflect(client, symbols.map((symbol) => ({ fileContainingSymbol: symbol })));
  for (const answer of answers) {
    assert.deepEqual(filesOf(answer), ["casino/rates/v1/rates.proto", "google/protobuf/timestamp.proto"]);
  }
});

testMock("reflection gives a file by its name", async (client) => {
  const [answer] = await reflect(client, [{ fileByFilename: "google/protobuf/timestamp.proto" }]);
  assert.deepEqual(filesOf(answer), ["google/protobuf/timestamp.proto"]);
});

testMock("reflection answers what it does not know with an error, in turn, and goes on", async (client) => {
  const requests: Request[] = [
    { host: "here", fileContainingSymbol: "casino.rates.v1.Nothing" },
    { fileByFilename: "nothing.proto" },
    { fileContainingExtension: { containingType: "google.protobuf.Timestamp", extensionNumber: 1 } },
    { allExtensionNumbersOfType: "casino.rates.v1.Nothing" },
    {},
    { allExtensionNumbersOfType: "google.protobuf.Timestamp" },
  ];
  const answers = await reflect(client, requests);
  assert.deepEqual(
    answers.map(({ errorResponse }) => errorResponse?.errorCode),
    [status.NOT_FOUND, status.NOT_FOUND, status.NOT_FOUND, status.NOT_FOUND, status.INVALID_ARGUMENT, undefined],
  );
  assert.deepEqual(answers[5]?.allExtensionNumbersResponse?.extensionNumber, []);
  assert.equal(answers[0]?.validHost, "here");
  assert.equal(answers[0]?.originalRequest?.fileContainingSymbol, "casino.rates.v1.Nothing");
});

async function reflect(client: TestClient, requests: Request[], version = "v1"): Promise<Response[]> {
  const call = client.makeBidiStreamRequest(
    `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    (request: Request) => Buffer.from(ServerReflectionRequest.encode(request).finish()),
    (bytes: Buffer) => ServerReflectionResponse.decode(bytes),
    new Metadata(),
  );
  for (const request of requests) call.write(request);
  call.end();
  return await Array.fromAsync<Response>(call);
}

/** Reads each file's name: `string name = 1` of FileDescriptorProto, which protobuf writes first. */
function filesOf(answer: Response | undefined): string[] {
  return (answer?.fileDescriptorResponse?.fileDescriptorProto ?? []).map((bytes) => {
    const reader = protobuf.Reader.create(bytes);
    assert.equal(reader.uint32(), 0x0a);
    return reader.string();
  });
}
