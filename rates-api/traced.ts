/** A span around each call whose caller records one. */
import { status } from "@grpc/grpc-js";
import { traceparentHeader, type Tracing } from "../shared/runtime/telemetry/tracing.ts";
import { RpcError, type UnaryMethod } from "./unary.ts";

/** @param tracing `undefined` when it is off */
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
