/** A subscriber's HTTP behind Debian's nginx, which sets only the upstream and X-Forwarded-For. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { get, startServing } from "../../harness/http.ts";
import { withWorld } from "../../harness/world.ts";

async function withNginx(before: string, use: (url: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "casino-nginx-" });
  // nginx's workers run as another user.
  await Deno.chmod(folder, 0o755);
  const port = freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ");
  const settings = `
    daemon off; pid ${folder}/pid; error_log stderr; events {}
    http { access_log off; ${temporary} server {
      listen 127.0.0.1:${port};
      location / { proxy_pass ${before}; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }
    } }`;
  await Deno.writeTextFile(join(folder, "nginx.conf"), settings);
  const nginx = new Deno.Command("nginx", { args: ["-c", join(folder, "nginx.conf")], stderr: "null" }).spawn();
  try {
    const url = `http://127.0.0.1:${port}`;
    await eventually("nginx", () => get(`${url}/health/live`).then((answer) => answer.text(), () => undefined));
    await use(url);
  } finally {
    nginx.kill("SIGTERM");
    await nginx.status;
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("through nginx, the stream of events begins at once, and passes events as they arrive", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    await withNginx(await startServing(world, "one"), async (url) => {
      const stream = await get(`${url}/events`, { headers: { accept: "text/event-stream" } });
      const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
      strictEqual((await reader.read()).value, ": the newest events, sampled\n\n");
      await world.publish("--count", "50");
      let seen = "";
      while (!seen.includes("event: sampled")) seen += (await reader.read()).value;
      await reader.cancel();
    });
  });
});

Deno.test("viewers behind a trusted proxy have ten streams each, and behind another one ten together", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const trusting = await startServing(world, "trusting", { HTTP_TRUSTED_PROXIES: "127.0.0.1" });
    const other = await startServing(world, "other");
    const statuses: number[][] = [];
    for (const subscriber of [trusting, other]) {
      await withNginx(subscriber, async (url) => {
        const streams: Response[] = [];
        for (let viewer = 1; viewer <= 11; viewer++) {
          const headers = { accept: "text/event-stream", "x-forwarded-for": `203.0.113.${viewer}` };
          streams.push(await get(`${url}/events`, { headers }));
        }
        statuses.push(streams.map(({ status }) => status));
        for (const stream of streams) await stream.body?.cancel();
      });
    }
    deepStrictEqual(statuses, [new Array(11).fill(200), [...new Array(10).fill(200), 503]]);
  });
});
