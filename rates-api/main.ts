/** Starts the mock of a rates API. */
import "../shared/runtime/deno_workarounds/without_env.ts";
import { untilAborted } from "../shared/runtime/deadline.ts";
import { systemClock as clock } from "../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../shared/runtime/configuration/command.ts";
import { ConfigError, tlsFilesOf } from "../shared/runtime/configuration/config.ts";
import { seededRandom, systemRandom } from "../shared/runtime/random.ts";
import { onShutdownSignal } from "../shared/runtime/shutdown.ts";
import { openTracing } from "../shared/runtime/telemetry/deno_tracing.ts";
import { configureLog, getLog } from "../shared/runtime/telemetry/log.ts";
import { readTlsFiles } from "../shared/runtime/tls.ts";
import { faultFlags, faultsOf } from "./faults.ts";
import { fixedQuotes, walkingQuotes } from "./quotes.ts";
import { startRatesApi } from "./server.ts";

const fallbackStepMs = 1_000;
const mostSeed = 2 ** 32 - 1;

await runCommand({
  name: "deno task rates-api",
  summary:
    "Serves exchange rates over gRPC, with health and reflection. The server is a mock: it injects faults that you\n" +
    "set with these flags or, with RATES_CONTROL_KEY, at run time with deno task rates-api:control.",
  flags: {
    walk: { help: "change the rates by a random walk" },
    seed: {
      value: "N",
      integer: { min: 0, max: mostSeed },
      help: "seed: the same N gives the same walk and the same faults",
    },
    "step-ms": {
      value: "N",
      integer: { min: 100, max: 86_400_000 },
      help: `time between steps of the walk (ms) [${fallbackStepMs}]`,
    },
    ...faultFlags,
  },
  settings: [
    ...["RATES_API_ADDRESS", "RATES_API_TLS", "RATES_API_KEY", "RATES_API_OLD_KEY", "RATES_CONTROL_KEY"] as const,
    ...["TLS_CA_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE", "SHUTDOWN_GRACE_MS", "LOG_LEVEL"] as const,
  ],
  examples: [
    "deno task rates-api",
    "deno task rates-api --walk --seed 7 --step-ms 10000",
    "deno task rates-api --delay-ms 300 --error-share 0.1 --error-code RESOURCE_EXHAUSTED",
  ],
}, async ({ flags, config }) => {
  if (flags["step-ms"] !== undefined && !flags.walk) throw new UsageError("--step-ms needs --walk");
  const faults = faultsOf(flags);
  if (config.RATES_API_TLS === "public") {
    throw new ConfigError([
      "RATES_API_TLS=public is for clients: to serve the rates API over TLS, set RATES_API_TLS=on",
    ]);
  }
  const tls = config.RATES_API_TLS === "on" ? readTlsFiles(tlsFilesOf(config)) : undefined;
  if (tls && !tls.cert) throw new ConfigError(["RATES_API_TLS=on needs TLS_CERT_FILE and TLS_KEY_FILE"]);
  const tracing = await openTracing();
  await configureLog({ level: config.LOG_LEVEL, member: "rates-api", activeSpan: tracing?.active });
  const log = getLog("rates-api");
  using shutdown = onShutdownSignal(config.SHUTDOWN_GRACE_MS, log);

  const seed = flags.seed ?? systemRandom.int(0, mostSeed);
  const stepMs = flags["step-ms"] ?? fallbackStepMs;
  const api = await startRatesApi({
    address: config.RATES_API_ADDRESS,
    tls,
    apiKey: config.RATES_API_KEY,
    oldApiKey: config.RATES_API_OLD_KEY,
    controlKey: config.RATES_CONTROL_KEY,
    quotes: flags.walk ? walkingQuotes({ seed, stepMs, startMs: clock.now() }) : fixedQuotes,
    faults,
    random: seededRandom(seed),
    clock,
    log,
    tracing,
  });
  log.info("Serving rates", {
    event: "rates_api.ready",
    address: api.address,
    tls: config.RATES_API_TLS,
    controls: config.RATES_CONTROL_KEY === undefined ? "off" : "on",
    seed,
    ...(flags.walk && { stepMs }),
    faults,
  });

  await untilAborted(shutdown.stop);
  await api.close(shutdown.abandon);
  const { faults: _, ...counts } = api.stats();
  log.info("Left", { event: "member.left", ...counts });
  return 0;
});
