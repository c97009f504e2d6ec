import { deepStrictEqual } from "node:assert/strict";
import { ConnSocket } from "./conn_socket.ts";

Deno.test("ConnSocket disables Nagle's algorithm, and closes the connection when destroyed", () => {
  const calls: string[] = [];
  const conn = { setNoDelay: (on = true) => calls.push(`no delay: ${on}`), close: () => calls.push("closed") };
  new ConnSocket(conn as unknown as Deno.TcpConn).destroy();
  deepStrictEqual(calls, ["no delay: true", "closed"]);
});
