import { deepStrictEqual } from "node:assert/strict";
import { ConnSocket } from "./conn_socket.ts";

Deno.test("ConnSocket turns Nagle's algorithm off, and closes the connection when it is destroyed", () => {
  const calls: string[] = [];
  const conn = { setNoDelay: (on = true) => calls.push(`no delay: ${on}`), close: () => calls.push("closed") };
  new ConnSocket(conn as unknown as Deno.TcpConn).destroy();
  deepStrictEqual(calls, ["no delay: true", "closed"]);
});
