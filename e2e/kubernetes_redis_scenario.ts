/** What components/redis starts: its script and configuration, on a Redis of this machine. */
import { match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { freePort } from "../tools/demo/members.ts";
import { Authority } from "./harness/certificates.ts";
import { untilAnswered } from "./harness/http.ts";
import { project } from "./harness/world.ts";

const users = ["casino-subscriber", "casino-reader", "casino-replica"];

Deno.test("Redis starts with the users of the ConfigMap and the passwords of the Secret, by TLS alone", async () => {
  const folder = await Deno.makeTempDir({ prefix: "casino-redis-" });
  const port = freePort();
  let server: Deno.ChildProcess | undefined;
  try {
    const authority = await Authority.make(folder, "ca");
    const own = await authority.sign("redis", "DNS:localhost,IP:127.0.0.1");
    for (const name of ["etc", "passwords", "tls", "tmp"]) await Deno.mkdir(join(folder, name));
    const tls = join(folder, "tls");
    for (const [from, to] of [[authority.cert, "ca.crt"], [own.cert, "tls.crt"], [own.key, "tls.key"]] as const) {
      await Deno.copyFile(from, join(tls, to));
    }
    // A password may hold what a shell would trip over; one line feed at its end is not part of it.
    for (const user of users) await Deno.writeTextFile(join(folder, "passwords", user), `${user} $HOME "%s"\n`);
    for (const name of ["redis.conf", "users", "start.sh"]) {
      const text = await Deno.readTextFile(join(project, "deploy/kubernetes/components/redis", name));
      // One pass: the folder that takes their place is in /tmp itself.
      const here = text.replaceAll(/\/run\/(?=passwords|tls)|\/etc\/(?=redis)|\/(?=tmp)/g, `${folder}/`)
        .replaceAll(`${folder}/redis`, `${folder}/etc`)
        .replace("tls-port 6379", `tls-port ${port}`);
      await Deno.writeTextFile(join(folder, "etc", name), here);
    }
    server = new Deno.Command("sh", {
      args: [join(folder, "etc/start.sh")],
      env: { HOSTNAME: "redis-0" },
      stdout: "null",
      stderr: "null",
    }).spawn();
    const ask = async (user: string, ...command: string[]) => {
      const certificate = ["--cert", join(tls, "tls.crt"), "--key", join(tls, "tls.key")];
      const login = user === "" ? [] : ["--user", user, "--pass", `${user} $HOME "%s"`, "--no-auth-warning"];
      const args = ["-p", String(port), "--tls", "--cacert", join(tls, "ca.crt"), ...certificate, ...login, ...command];
      const { code, stdout, stderr } = await new Deno.Command("redis-cli", { args }).output();
      return `${code} ${[stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("")}`.trim();
    };
    // The probe: an answer without a password, and the exit status 0.
    await untilAnswered(() => ask("", "ping"), (said) => /^0 NOAUTH/.test(said), "the probe's ping");
    const key = "casino:{rates}:current";
    strictEqual(await ask("casino-subscriber", "set", key, "1"), "0 OK");
    strictEqual(await ask("casino-reader", "get", key), "0 1");
    match(await ask("casino-reader", "set", key, "2"), /NOPERM/);
    match(await ask("casino-subscriber", "set", "else", "1"), /NOPERM/);
    match(await ask("casino-subscriber", "acl", "list"), /NOPERM/);
    match(await ask("casino-replica", "get", key), /NOPERM/);
  } finally {
    // It may have ended already, which the probe's ping has told then.
    try {
      server?.kill("SIGTERM");
    } catch {
      // It has.
    }
    await server?.status;
    await Deno.remove(folder, { recursive: true });
  }
});
