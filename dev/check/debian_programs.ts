/** Programs from Debian packages that only `--all` needs, beside the servers. */
import { succeeds } from "../../tools/run_program.ts";
import { aptInstall } from "../../tools/services/packages.ts";

interface Needed {
  readonly what: string;
  /** The font is for the screenshots in docs/. */
  readonly packages: readonly string[];
  /** Exits with 0 when the program is installed. */
  readonly probe: readonly [program: string, ...args: string[]];
}

export const chromium = "/usr/bin/chromium";

const browser: Needed = { what: "a browser", packages: ["chromium", "fonts-inter"], probe: ["test", "-x", chromium] };

const foreignClients: Needed = {
  what: "clients in another language",
  packages: ["python3-pika", "python3-protobuf", "python3-grpcio"],
  probe: ["/usr/bin/python3", "-c", "import pika, google.protobuf, grpc"],
};

const needed: readonly Needed[] = [
  browser,
  foreignClients,
  { what: "Prometheus", packages: ["prometheus"], probe: ["promtool", "--version"] },
  { what: "nginx", packages: ["nginx"], probe: ["nginx", "-v"] },
  { what: "curl", packages: ["curl"], probe: ["curl", "--version"] },
];

/** Packages for the scenarios without a browser. PgBouncer's scenario installs it itself, where apt can download it. */
export const scenarioPackages: readonly string[] = [
  ...needed.filter((each) => each !== browser).flatMap(({ packages }) => packages),
  "pgbouncer",
];

/**
 * Installs missing programs, where permitted.
 * @returns the command to run for those still missing; `undefined` when none is
 */
export async function ensurePrograms(say: (sentence: string) => void): Promise<string | undefined> {
  let missing = await missingOf(needed);
  if (missing.length > 0 && Deno.uid() === 0 && await succeeds("apt-get", ["--version"])) {
    await aptInstall(missing.flatMap(({ packages }) => packages), say);
    missing = await missingOf(missing);
  }
  return missing.length > 0 ? whatToInstall(missing) : undefined;
}

/** @throws {Error} that names the packages to install */
export async function requireBrowser(): Promise<void> {
  const missing = await missingOf([browser]);
  if (missing.length > 0) throw new Error(whatToInstall(missing));
}

function whatToInstall(missing: readonly Needed[]): string {
  const packages = missing.flatMap((each) => each.packages).join(" ");
  return `Some scenarios need ${missing.map(({ what }) => what).join(", ")}: ` +
    `sudo apt-get install -y --no-install-recommends ${packages}`;
}

async function missingOf(programs: readonly Needed[]): Promise<Needed[]> {
  const found = await Promise.all(programs.map(({ probe: [program, ...args] }) => succeeds(program, args)));
  return programs.filter((_, index) => !found[index]);
}
