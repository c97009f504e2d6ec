/** components/redis: its users, and its scripts and configuration on two Redis servers of this machine. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { ofKind } from "../../../dev/kubernetes/manifest.ts";
import { cacheRoles } from "../../../tools/roles/roles.ts";
import { freePort } from "../../../tools/demo/members.ts";
import { Authority } from "../../harness/encrypted_servers.ts";
import { untilAnswered } from "../../harness/http.ts";
import { overlay } from "./overlays.ts";
import { project } from "../../harness/world.ts";
import { endOf, succeeds } from "../../../tools/run_program.ts";

const users = ["casino-subscriber", "casino-reader", "casino-replica"];
const component = join(project, "deploy/kubernetes/components/redis");
// A password may hold characters that a shell would interpret.
const passwordOf = (user: string) => `${user} $HOME "%s" \\n`;

Deno.test("Redis's users have the rights of deno task roles", async () => {
  const rules = cacheRoles("casino:").map(({ user, rules }) => [user, rules]);
  const lines = (text: string) => text.trim().split("\n").map((line) => line.split(" "));
  const production = lines(await Deno.readTextFile(join(component, "users"))).map(([user, ...rules]) => [user, rules]);
  deepStrictEqual(production, [
    ...rules,
    ["casino-replica", ["resetkeys", "resetchannels", "-@all", "+psync", "+replconf", "+ping"]],
  ]);
  const [off, ...development] = lines(await Deno.readTextFile(join(component, "../../overlays/development/users.acl")));
  deepStrictEqual(off, ["user", "default", "off"]);
  deepStrictEqual(development.map(([, user, , , ...rules]) => [user, rules]), rules);
});

Deno.test("Redis's Service selects the pod that starts as primary", async () => {
  const [service] = ofKind(await overlay("production"), "Service").filter(({ metadata }) => metadata.name === "redis");
  strictEqual(
    service!["spec"].selector["statefulset.kubernetes.io/pod-name"],
    (await Deno.readTextFile(join(component, "primary"))).trim(),
  );
});

Deno.test("Redis starts with the users of the ConfigMap and the passwords of the Secret, over TLS only", async () => {
  await using pods = await Pods.make();
  const redis = await pods.start("redis-0");
  const key = "casino:{rates}:current";
  strictEqual(await redis.ask("casino-subscriber", "set", key, "1"), "0 OK");
  strictEqual(await redis.ask("casino-reader", "get", key), "0 1");
  match(await redis.ask("casino-reader", "set", key, "2"), /NOPERM/);
  match(await redis.ask("casino-subscriber", "set", "else", "1"), /NOPERM/);
  match(await redis.ask("casino-subscriber", "acl", "list"), /NOPERM/);
  match(await redis.ask("casino-replica", "get", key), /NOPERM/);
});

Deno.test("the second Redis replicates the one that `primary` names, and is primary when it is named", async () => {
  await using pods = await Pods.make();
  const [primary, other] = [await pods.start("redis-0"), await pods.start("redis-1")];
  const key = "casino:{rates}:current";
  strictEqual(await primary.ask("casino-subscriber", "set", key, "1"), "0 OK");
  await untilAnswered(() => other.ask("casino-reader", "get", key), (said) => said === "0 1", "the replica's copy");
  match(await other.ask("casino-subscriber", "set", key, "2"), /READONLY/);

  await primary.stop();
  await other.stop();
  const promoted = await pods.start("redis-1", { primary: "redis-1" });
  strictEqual(await promoted.ask("casino-subscriber", "set", key, "2"), "0 OK");
});

Deno.test("the liveness probe fails after a password or the certificate changes", async () => {
  await using pods = await Pods.make();
  const redis = await pods.start("redis-0");
  for (const path of ["passwords/casino-reader", "tls/tls.crt"]) {
    const before = await Deno.readTextFile(join(pods.folder, path));
    strictEqual(await redis.isAlive(), true);
    await Deno.writeTextFile(join(pods.folder, path), `${before}\n`);
    strictEqual(await redis.isAlive(), false, path);
    await Deno.writeTextFile(join(pods.folder, path), before);
  }
});

interface Pod {
  /**
   * @param user sends no password when empty
   * @returns redis-cli's exit status and output
   */
  ask(user: string, ...command: string[]): Promise<string>;
  isAlive(): Promise<boolean>;
  stop(): Promise<void>;
}

/** Both pods of the StatefulSet. The Secrets share one folder, and each pod gets a folder for its other mounts. */
class Pods {
  readonly #ports: Readonly<Record<string, number>> = { "redis-0": freePort(), "redis-1": freePort() };
  readonly #started: Pod[] = [];

  private constructor(readonly folder: string) {}

  static async make(): Promise<Pods> {
    const pods = new Pods(await Deno.makeTempDir({ prefix: "casino-redis-" }));
    const authority = await Authority.make(pods.folder, "ca");
    const own = await authority.sign("redis", "DNS:localhost,IP:127.0.0.1");
    for (const name of ["passwords", "tls"]) await Deno.mkdir(join(pods.folder, name));
    for (const [from, to] of [[authority.cert, "ca.crt"], [own.cert, "tls.crt"], [own.key, "tls.key"]] as const) {
      await Deno.copyFile(from, join(pods.folder, "tls", to));
    }
    // start.sh ignores one line feed at the end of a password.
    for (const user of users) await Deno.writeTextFile(join(pods.folder, "passwords", user), `${passwordOf(user)}\n`);
    return pods;
  }

  async start(name: string, { primary }: { primary?: string } = {}): Promise<Pod> {
    const own = await Deno.makeTempDir({ dir: this.folder, prefix: `${name}-` });
    await Deno.mkdir(join(own, "etc"));
    await Deno.mkdir(join(own, "tmp"));
    for (const { name: file } of Deno.readDirSync(component)) {
      if (file.endsWith(".yaml")) continue;
      const text = await Deno.readTextFile(join(component, file));
      await Deno.writeTextFile(join(own, "etc", file), this.#here(text, name, own));
    }
    if (primary) await Deno.writeTextFile(join(own, "etc/primary"), `${primary}\n`);
    const server = new Deno.Command("sh", {
      args: [join(own, "etc/start.sh")],
      env: { HOSTNAME: name },
      stdout: "null",
      stderr: "null",
    }).spawn();
    const pod: Pod = {
      ask: (user, ...command) => this.#ask(name, user, command),
      isAlive: () => succeeds("sh", [join(own, "etc/alive.sh")]),
      stop: async () => {
        // The server may have ended already; the probe's ping reports that.
        try {
          server.kill("SIGTERM");
        } catch {
          // The server has ended.
        }
        await server.status;
      },
    };
    this.#started.push(pod);
    // The startup probe expects an answer without a password, and exit status 0.
    await untilAnswered(() => pod.ask("", "ping"), (said) => /^0 NOAUTH/.test(said), `the ping of ${name}`);
    return pod;
  }

  /** Returns a file of the ConfigMap, with this machine's paths and ports. */
  #here(text: string, name: string, own: string): string {
    // In a single pass, because the replacement paths begin with /tmp themselves.
    return text
      .replaceAll(/\/run\/(?=passwords|tls)|\/etc\/redis|\/(?=tmp)/g, (path) => {
        if (path === "/run/") return `${this.folder}/`;
        return path === "/" ? `${own}/` : `${own}/etc`;
      })
      .replace("tls-port 6379", `tls-port ${this.#ports[name]}`)
      .replace("$primary.redis-nodes.casino-events.svc 6379", `localhost ${this.#ports["redis-0"]}`)
      .replace("redis-cli --tls", `redis-cli -p ${this.#ports[name]} --tls`);
  }

  async #ask(name: string, user: string, command: string[]): Promise<string> {
    const tls = join(this.folder, "tls");
    const certificate = ["--cert", join(tls, "tls.crt"), "--key", join(tls, "tls.key")];
    const login = user === "" ? [] : ["--user", user, "--pass", passwordOf(user), "--no-auth-warning"];
    const words = ["-p", String(this.#ports[name]), "--tls", "--cacert", join(tls, "ca.crt"), ...certificate, ...login];
    const { code, output } = await endOf("redis-cli", [...words, ...command]);
    return `${code} ${output}`.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pod of this.#started) await pod.stop();
    await Deno.remove(this.folder, { recursive: true });
  }
}
