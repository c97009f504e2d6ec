/** Sets the faults of a running mock and shows its counts. */
import "../shared/runtime/deno_workarounds/without_env.ts";
import { status } from "@grpc/grpc-js";
import { runCommand, UsageError } from "../shared/runtime/configuration/command.ts";
import { ConfigError } from "../shared/runtime/configuration/config.ts";
import { ratesApiTls } from "../shared/grpc/client.ts";
import { controlClient } from "./control_client.ts";
import type { Stats } from "./control_service.ts";
import { anyFault, faultFlags, type Faults, faultsOf, noFaults } from "./faults.ts";

const operations = ["set", "off", "stats", "reset", "rates"] as const;

await runCommand({
  name: "deno task rates-api:control",
  summary: [
    "Controls the mock of the rates API:",
    "  set    replace all faults by those of the flags (when no word is given)",
    "  off    behave",
    "  stats  show the calls by how they ended, and the faults that are set",
    "  reset  set the counts to zero",
    "  rates  ask for rates as a subscriber does, with RATES_API_KEY; the others need RATES_CONTROL_KEY",
  ].join("\n"),
  operands: "[set|off|stats|reset|rates]",
  flags: { ...faultFlags, json: { help: "write one line of JSON" } },
  settings: [
    ...["RATES_API_ADDRESS", "RATES_API_TLS", "RATES_API_KEY", "RATES_CONTROL_KEY", "TLS_CA_FILE"] as const,
    ...["TLS_CERT_FILE", "TLS_KEY_FILE"] as const,
  ],
  examples: [
    "deno task rates-api:control --delay-ms 300 --jitter-ms 200",
    "deno task rates-api:control --wrong-share 0.5 --wrong-answer nan",
    "deno task rates-api:control stats --json",
    "deno task rates-api:control off",
  ],
}, async ({ flags, operands, config }) => {
  const operation = operations.find((each) => each === (operands[0] ?? "set"));
  if (operation === undefined || operands.length > 1) {
    throw new UsageError(`"${operands.join(" ")}" must be one of ${operations.join(", ")}`);
  }
  if (operation === "set" && !anyFault(flags)) throw new UsageError("set needs a fault, such as --delay-ms 300");
  if (operation !== "set" && anyFault(flags)) throw new UsageError(`${operation} takes no faults`);

  const faults = operation === "set" ? faultsOf(flags) : noFaults;
  const key = operation === "rates" ? config.RATES_API_KEY : config.RATES_CONTROL_KEY;
  if (key === undefined) {
    throw new ConfigError(["RATES_CONTROL_KEY must be set, to what deno task rates-api was started with"]);
  }
  using client = controlClient(config.RATES_API_ADDRESS, key, ratesApiTls(config));
  switch (operation) {
    case "set":
    case "off": {
      const now = shownFaults(await client.setFaults(faults));
      console.log(flags.json ? JSON.stringify(now) : `Faults: ${listed(now)}`);
      break;
    }
    case "stats": {
      const stats = await client.stats();
      console.log(flags.json ? JSON.stringify({ ...stats, faults: shownFaults(stats.faults) }) : table(stats));
      break;
    }
    case "rates": {
      const { asOfMs, count } = await client.rates();
      const as_of = new Date(asOfMs).toISOString();
      console.log(flags.json ? JSON.stringify({ as_of, rates: count }) : `${count} rates as of ${as_of}`);
      break;
    }
    case "reset":
      await client.resetStats();
      console.log(flags.json ? "{}" : "The counts are zero.");
  }
  return 0;
});

/** Only the faults that have an effect; status codes by name. */
function shownFaults(faults: Faults): Record<string, string | number> {
  return {
    ...(faults.delayShare > 0 &&
      { delayMs: faults.delayMs, jitterMs: faults.jitterMs, delayShare: faults.delayShare }),
    ...(faults.errorShare > 0 && { errorShare: faults.errorShare, errorCode: status[faults.errorCode] }),
    ...(faults.wrongShare > 0 && { wrongShare: faults.wrongShare, wrongAnswer: faults.wrongAnswer }),
    ...(faults.blackHoleShare > 0 && { blackHoleShare: faults.blackHoleShare }),
  };
}

function listed(faults: Record<string, string | number>): string {
  return Object.entries(faults).map(([name, value]) => `${name} ${value}`).join(", ") || "none";
}

function table(stats: Stats): string {
  const rows: [string, string | number][] = [
    ["calls", stats.calls],
    ["in flight", stats.inFlight],
    ["answered", stats.answered],
    ["failed on purpose", stats.failed],
    ["answered wrongly", stats.answeredWrongly],
    ["given up by client", stats.givenUp],
    ["unauthenticated", stats.unauthenticated],
    ["invalid", stats.invalid],
    ["faults", listed(shownFaults(stats.faults))],
  ];
  return rows.map(([name, value]) => `${name.padEnd(18)}  ${value}`).join("\n");
}
