/** A native RabbitMQ and its Erlang port mapper (epmd), both on loopback only. */
import { join } from "node:path";
import type { Launch, NativeServer } from "../process.ts";
import { credentialsOf, listenAddress } from "../server.ts";

/**
 * Flags for Erlang (ERL_FLAGS). Without them, the broker and its command line tools start an epmd when they find none,
 * and that epmd outlives them.
 */
export const withoutEpmd = "-start_epmd false";

export const rabbitmq: NativeServer = {
  name: "rabbitmq",
  programs: {
    server: [
      // Debian's program in PATH is a wrapper with its own folder and log.
      "/usr/lib/rabbitmq/bin/rabbitmq-server",
      "/opt/homebrew/sbin/rabbitmq-server",
      "/usr/local/sbin/rabbitmq-server",
      "rabbitmq-server",
    ],
    epmd: ["epmd", "/usr/lib/erlang/bin/epmd", "/usr/lib64/erlang/bin/epmd", "/opt/homebrew/bin/epmd"],
  },
  user: "rabbitmq",
  async prepare({ folder, programs, url }): Promise<Launch[]> {
    const { distribution, epmd } = freeErlangPorts(Number(url.port));
    const { user, password, path } = credentialsOf(url);
    await Deno.writeTextFile(
      join(folder, "rabbitmq.conf"),
      [
        `listeners.tcp.1 = ${listenAddress(url)}:${url.port}`,
        "log.console = true",
        "log.console.level = warning",
        "log.file = false",
        "",
      ].join("\n"),
    );
    await Deno.writeTextFile(join(folder, "enabled_plugins"), "[].\n");
    const erlang = { ERL_EPMD_PORT: String(epmd), ERL_EPMD_ADDRESS: "127.0.0.1", ERL_FLAGS: withoutEpmd };
    return [
      // Otherwise Erlang would start an epmd itself, which outlives the broker.
      {
        name: "epmd",
        program: programs["epmd"]!,
        args: ["-port", String(epmd), "-address", "127.0.0.1"],
        env: erlang,
        readyAt: epmd,
      },
      {
        name: "rabbitmq",
        program: programs["server"]!,
        args: [],
        env: {
          ...erlang,
          RABBITMQ_NODENAME: nodeNameOf(url),
          RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
          RABBITMQ_LOG_BASE: join(folder, "log"),
          RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
          RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
          RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
          RABBITMQ_DIST_PORT: String(distribution),
          RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
          RABBITMQ_DEFAULT_USER: user || "guest",
          RABBITMQ_DEFAULT_PASS: password || "guest",
          RABBITMQ_DEFAULT_VHOST: path || "/",
          // Makes the start script exec the broker instead of running it as a child, so that our signals reach the
          // broker.
          RUNNING_UNDER_SYSTEMD: "true",
        },
      },
    ];
  },
};

/** Returns the Erlang node name of the broker at this address. */
export function nodeNameOf(url: URL): string {
  return `casino${url.port}@localhost`;
}

/**
 * Returns Erlang's two ports for a broker at `port`: `port` + 20,000 for the distribution, as RabbitMQ does, and `port`
 * + 21,000 for epmd, both mapped into {@linkcode erlangsOwn}. So brokers at neighbouring ports do not collide. A taken
 * port is skipped.
 */
export function erlangPorts(
  port: number,
  isFree: (port: number) => boolean = () => true,
): { distribution: number; epmd: number } {
  const { first, count } = erlangsOwn;
  const from = (wanted: number) => {
    for (let next = wanted;; next++) {
      const candidate = first + (next - first) % count;
      if (isFree(candidate)) return candidate;
    }
  };
  return { distribution: from(port + 20_000), epmd: from(port + 21_000) };
}

/** From 10,000 to 32,767: a higher port may be taken by an outgoing connection before Erlang starts. */
const erlangsOwn = { first: 10_000, count: 22_768 };

function freeErlangPorts(port: number) {
  return erlangPorts(port, (candidate) => {
    try {
      Deno.listen({ hostname: "127.0.0.1", port: candidate }).close();
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return false;
      throw error;
    }
  });
}
