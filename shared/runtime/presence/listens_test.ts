import { strictEqual } from "node:assert/strict";
import { listensAt } from "./listens.ts";

Deno.test("listensAt() distinguishes a listening server from a closed port, and from a proxy without its server", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `amqp://127.0.0.1:${listener.addr.port}`;
  const accepted = listener.accept();
  strictEqual(await listensAt(url, 5672), true);
  (await accepted).close();
  const hungUp = listener.accept().then((connection) => connection.close());
  strictEqual(await listensAt(url, 5672), false);
  await hungUp;
  listener.close();
  strictEqual(await listensAt(url, 5672), false);
});
