import "../../shared/runtime/deno_workarounds/without_env.ts";
import { match, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { credentials, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { testMock } from "../../tests/fixtures/mock_rates_api.ts";
import { problemOf as grpcProblemOf } from "./grpc.ts";
import { problemOf as httpProblemOf } from "./http.ts";

// deno-lint-ignore no-control-regex -- control characters are what it is about
const obeyed = /[\u0000-\u001f\u007f-\u009f]/;
const escape = "\u001b]0;owned\u0007\n";

/** Runs a server whose health check fails with this message. */
async function withServer(details: string, use: (address: string) => Promise<void>): Promise<void> {
  const server = new Server();
  const asBytes = (bytes: Uint8Array) => Buffer.from(bytes);
  const check = { path: "/grpc.health.v1.Health/Check", requestStream: false, responseStream: false };
  const ways = {
    ...{ requestSerialize: asBytes, requestDeserialize: asBytes },
    ...{ responseSerialize: asBytes, responseDeserialize: asBytes },
  };
  server.addService({ check: { ...check, ...ways } }, {
    check: (_: unknown, answer: (error: { code: status; details: string }) => void) =>
      answer({ code: status.INTERNAL, details }),
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(
      "127.0.0.1:0",
      ServerCredentials.createInsecure(),
      (error, port) => error ? reject(error) : resolve(port),
    )
  );
  try {
    await use(`127.0.0.1:${port}`);
  } finally {
    server.forceShutdown();
  }
}

Deno.test("the health check over gRPC prints what a server says on one line, cut", async () => {
  await withServer(escape + "x".repeat(5_000), async (address) => {
    const problem = (await grpcProblemOf(address, credentials.createInsecure()))!;
    match(problem, /^127\.0\.0\.1:\d+: 13 INTERNAL: \\u001b\]0;owned\\u0007\\u000ax/);
    ok(!obeyed.test(problem) && problem.length < 2_200, `${problem.length} characters`);
  });
});

testMock("the health check over gRPC says nothing of a server that is SERVING", async (_, { address }) => {
  strictEqual(await grpcProblemOf(address, credentials.createInsecure()), undefined);
});

Deno.test("the health check over HTTP prints the problem on one line, cut", async () => {
  const problem = (await httpProblemOf(`http://[${escape}${"x".repeat(5_000)}`))!;
  match(problem, /^http:\/\/\[\\u001b\]0;owned\\u0007\\u000ax/);
  ok(!obeyed.test(problem) && problem.length < 2_200, `${problem.length} characters`);
});

Deno.test("the health check over HTTP uses the status code", async () => {
  let answer = 503;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("", { status: answer }),
  );
  const url = `http://127.0.0.1:${server.addr.port}/health/live`;
  strictEqual(await httpProblemOf(url), `${url} answered with status 503`);
  answer = 200;
  strictEqual(await httpProblemOf(url), undefined);
});
