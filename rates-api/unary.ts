/** Unary methods, served by functions that return the answer or throw. */
import "../shared/runtime/deno_workarounds/without_env.ts";
import { Buffer } from "node:buffer";
import { type Metadata, type sendUnaryData, type Server, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { messageOf } from "../shared/runtime/errors.ts";
import { isSecret } from "../shared/runtime/secrets.ts";
import type { Log } from "../shared/runtime/telemetry/log.ts";
import { traceparentHeader, type Tracing } from "../shared/runtime/telemetry/tracing.ts";

export interface Call<Q> {
  readonly request: Q;
  readonly metadata: Metadata;
  /** The caller's address, host:port. */
  readonly peer: string;
  /** Aborted when the call is cancelled or past its deadline, or its connection is lost. */
  readonly signal: AbortSignal;
}

export interface UnaryMethod<Q, A> {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly request: { decode(bytes: Uint8Array): Q };
  readonly answer: { encode(answer: A): { finish(): Uint8Array } };
  /** @throws {RpcError} that the caller gets; any other error is logged, and the caller gets INTERNAL */
  handle(call: Call<Q>): A | Promise<A>;
}

/** Ends the call with this status and the message as its details. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  constructor(readonly code: status, message: string) {
    super(message);
  }
}

export function serveUnary<Q, A>(server: Server, { path, request, answer, handle }: UnaryMethod<Q, A>, log: Log): void {
  const serve = async (call: ServerUnaryCall<Q, A>, respond: sendUnaryData<A>) => {
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort(new RpcError(status.CANCELLED, "nobody waits for the answer")));
    try {
      respond(
        null,
        await handle({ request: call.request, metadata: call.metadata, peer: call.getPeer(), signal: gone.signal }),
      );
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!(error instanceof RpcError)) log.error("A call failed unexpectedly", { path, problem: messageOf(error) });
      const code = error instanceof RpcError ? error.code : status.INTERNAL;
      respond({ code, details: error instanceof RpcError ? error.message : "the server failed; its log says why" });
    }
  };
  const encode = (message: A) => Buffer.from(answer.encode(message).finish());
  server.register<Q, A>(path, serve, encode, (bytes) => request.decode(bytes), "unary");
}

/**
 * Records a span for each call whose caller records one.
 * @param tracing `undefined`: off
 */
export function traced<Q, A>(method: UnaryMethod<Q, A>, tracing: Tracing | undefined): UnaryMethod<Q, A> {
  if (!tracing) return method;
  const name = method.path.slice(1);
  const attributes = { "rpc.system.name": "grpc", "rpc.method": name };
  return {
    ...method,
    async handle(call) {
      const parent = tracing.extract(call.metadata.get(traceparentHeader)[0]);
      if (!parent) return await method.handle(call);
      return await tracing.inSpan({ name, kind: "server", attributes, parent }, async (span) => {
        let code = status.OK;
        try {
          return await method.handle(call);
        } catch (error) {
          code = error instanceof RpcError ? error.code : status.INTERNAL;
          throw error;
        } finally {
          span.set({ "rpc.response.status_code": status[code] });
        }
      });
    },
  };
}

/** Returns a guard that throws UNAUTHENTICATED unless the metadata has one of these keys. */
export function keyGuard(apiKeys: readonly string[]): (metadata: Metadata) => void {
  return (metadata) => {
    const given = metadata.get("x-api-key")[0];
    if (given === undefined) throw new RpcError(status.UNAUTHENTICATED, "the metadata has no x-api-key");
    if (!isSecret(given, apiKeys)) {
      throw new RpcError(status.UNAUTHENTICATED, "the x-api-key in the metadata is not the one of this server");
    }
  };
}
