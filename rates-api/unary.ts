/** Methods with one request and one answer, served by functions that return or throw. */
import "../shared/runtime/deno_workarounds/without_env.ts";
import { Buffer } from "node:buffer";
import { type Metadata, type sendUnaryData, type Server, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { messageOf } from "../shared/runtime/errors.ts";
import { isSecret } from "../shared/runtime/secrets.ts";
import type { Log } from "../shared/runtime/telemetry/log.ts";

export interface Call<Q> {
  readonly request: Q;
  readonly metadata: Metadata;
  /** Aborted once nobody waits for the answer: cancelled, past its deadline, or the connection is gone. */
  readonly signal: AbortSignal;
}

export interface UnaryMethod<Q, A> {
  /** `/package.Service/Method` */
  readonly path: string;
  decode(bytes: Uint8Array): Q;
  encode(answer: A): { finish(): Uint8Array };
  /** @throws {RpcError} for what the caller is to know; anything else is logged and reaches the caller as INTERNAL */
  handle(call: Call<Q>): A | Promise<A>;
}

/** The call ends with this status, and the message as its details. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  constructor(readonly code: status, message: string) {
    super(message);
  }
}

export function serveUnary<Q, A>(server: Server, { path, decode, encode, handle }: UnaryMethod<Q, A>, log: Log): void {
  const serve = async (call: ServerUnaryCall<Q, A>, respond: sendUnaryData<A>) => {
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort(new RpcError(status.CANCELLED, "nobody waits for the answer")));
    try {
      respond(null, await handle({ request: call.request, metadata: call.metadata, signal: gone.signal }));
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!(error instanceof RpcError)) log.error("A call failed unexpectedly", { path, problem: messageOf(error) });
      const code = error instanceof RpcError ? error.code : status.INTERNAL;
      respond({ code, details: error instanceof RpcError ? error.message : "the server failed; its log says why" });
    }
  };
  server.register<Q, A>(path, serve, (answer) => Buffer.from(encode(answer).finish()), decode, "unary");
}

/** Throws UNAUTHENTICATED unless the metadata has one of these keys. */
export function keyGuard(apiKeys: readonly string[]): (metadata: Metadata) => void {
  return (metadata) => {
    const given = metadata.get("x-api-key")[0];
    if (given === undefined) throw new RpcError(status.UNAUTHENTICATED, "the metadata has no x-api-key");
    if (!isSecret(given, apiKeys)) {
      throw new RpcError(status.UNAUTHENTICATED, "the x-api-key in the metadata is not the one of this server");
    }
  };
}
