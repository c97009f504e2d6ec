/** The servers from the system's packages: what to write into their folders and how to start them, on loopback only. */
import { join } from "node:path";
import type { Launch, NativeServer } from "./server.ts";

const rabbitmq: NativeServer = {
  name: "rabbitmq",
  programs: {
    server: [
      "/usr/lib/rabbitmq/bin/rabbitmq-server",
      "/opt/homebrew/sbin/rabbitmq-server",
      "/usr/local/sbin/rabbitmq-server",
    ],
    epmd: ["epmd", "/usr/lib/erlang/bin/epmd"],
  },
  user: "rabbitmq",
  async prepare({ folder, programs, url }): Promise<Launch[]> {
    const port = Number(url.port);
    // Beside the broker's own port, Erlang wants one for its cluster and one for the name service that finds it.
    const [distributionPort, epmdPort] = port + 20_001 < 65_536
      ? [port + 20_000, port + 20_001]
      : [port - 20_000, port - 20_001];
    const virtualHost = decodeURIComponent(url.pathname.slice(1)) || "/";
    await Deno.writeTextFile(
      join(folder, "rabbitmq.conf"),
      [
        `listeners.tcp.1 = 127.0.0.1:${port}`,
        `default_user = ${decodeURIComponent(url.username) || "guest"}`,
        `default_pass = ${decodeURIComponent(url.password) || "guest"}`,
        `default_vhost = ${virtualHost}`,
        "log.console = true",
        "log.console.level = warning",
        "log.file = false",
        "",
      ].join("\n"),
    );
    await Deno.writeTextFile(join(folder, "enabled_plugins"), "[].\n");
    const erlang = { ERL_EPMD_PORT: String(epmdPort), ERL_EPMD_ADDRESS: "127.0.0.1", HOME: folder };
    return [
      {
        name: "epmd",
        program: programs["epmd"]!,
        args: ["-port", String(epmdPort), "-address", "127.0.0.1"],
        env: erlang,
      },
      {
        name: "rabbitmq",
        program: programs["server"]!,
        args: [],
        env: {
          ...erlang,
          RABBITMQ_NODENAME: `casino${port}@localhost`,
          RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
          RABBITMQ_LOG_BASE: join(folder, "log"),
          RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
          RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
          RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
          RABBITMQ_DIST_PORT: String(distributionPort),
          RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
          // The start script then becomes the broker, rather than its parent: our signals reach it.
          RUNNING_UNDER_SYSTEMD: "true",
        },
      },
    ];
  },
};

const redis: NativeServer = {
  name: "redis",
  programs: { server: ["redis-server", "/opt/homebrew/bin/redis-server"] },
  user: "redis",
  prepare({ folder, programs, url }): Promise<Launch[]> {
    const password = decodeURIComponent(url.password);
    const args = ["--bind", "127.0.0.1", "--port", url.port, "--dir", folder, "--save", "", "--appendonly", "no"];
    if (password) args.push("--requirepass", password);
    return Promise.resolve([{ name: "redis", program: programs["server"]!, args }]);
  },
};

const postgres: NativeServer = {
  name: "postgres",
  programs: {
    server: postgresProgram("postgres"),
    initdb: postgresProgram("initdb"),
  },
  user: "postgres",
  async prepare({ folder, programs, url, run }): Promise<Launch[]> {
    const data = join(folder, "data");
    if (!await exists(join(data, "PG_VERSION"))) {
      const locale = ["--encoding", "UTF8", "--locale", "C"];
      await run(programs["initdb"]!, ["--pgdata", data, "--username", "postgres", "--auth", "trust", ...locale]);
    }
    // The superuser may come in from this machine without a password, as `up` does to make role and database.
    await Deno.writeTextFile(
      join(data, "pg_hba.conf"),
      ["127.0.0.1/32", "::1/128"].flatMap((
        net,
      ) => [`host all postgres ${net} trust`, `host all all ${net} scram-sha-256`, ""]).join("\n"),
    );
    const options = {
      port: url.port,
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      logging_collector: "off",
    };
    const args = Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    return [{ name: "postgres", program: programs["server"]!, args: ["-D", data, ...args] }];
  },
};

export const nativeServers = { rabbitmq, redis, postgres } as const;

function postgresProgram(name: string): string[] {
  const versions = [18, 17, 16, 15, 14];
  return [
    ...versions.map((version) => `/usr/lib/postgresql/${version}/bin/${name}`),
    ...versions.map((version) => `/usr/pgsql-${version}/bin/${name}`),
    ...versions.map((version) => `/opt/homebrew/opt/postgresql@${version}/bin/${name}`),
    name,
  ];
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
