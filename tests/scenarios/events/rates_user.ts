/** A process that needs rates again and again, like a subscriber, with the real cache, lock and client. */
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { runCommand } from "../../../shared/runtime/configuration/command.ts";
import { systemRandom as random } from "../../../shared/runtime/random.ts";
import { closeRedis, openRedis } from "../../../shared/redis/client.ts";
import { onShutdownSignal } from "../../../shared/runtime/shutdown.ts";
import { configureLog, getLog } from "../../../shared/runtime/telemetry/log.ts";
import { grpcRatesApi } from "../../../subscriber/rates/client.ts";
import { RedisRates } from "../../../subscriber/rates/redis_rates.ts";
import { RatesSource } from "../../../subscriber/rates/source.ts";

await runCommand({
  name: "rates user",
  summary: "Needs rates until it is stopped.",
  flags: {},
  settings: [
    ...["REDIS_URL", "REDIS_KEY_PREFIX", "RATES_API_ADDRESS", "RATES_API_KEY"] as const,
    ...["RATES_TTL_MS", "RATES_CALL_TIMEOUT_MS", "RATES_LOCK_TTL_MS", "RATES_WAIT_MS", "RATES_MAX_STALE_MS"] as const,
    ...["SUBSCRIBER_ID", "LOG_LEVEL"] as const,
  ],
  examples: [],
}, async ({ config }) => {
  await configureLog({ level: config.LOG_LEVEL, member: "rates-user" });
  const log = getLog("rates-user");
  using shutdown = onShutdownSignal(1_000, log);
  const redis = await openRedis(config.REDIS_URL, { name: "rates-user", log });
  const api = grpcRatesApi({
    address: config.RATES_API_ADDRESS,
    apiKey: config.RATES_API_KEY,
    timeoutMs: config.RATES_CALL_TIMEOUT_MS,
    clock,
  });
  const shared = new RedisRates(redis, config.REDIS_KEY_PREFIX);
  const rates = new RatesSource({
    shared,
    api,
    holder: config.SUBSCRIBER_ID!,
    times: config,
    clock,
    random,
    log,
    signal: shutdown.abandon,
  });
  log.info("Needing rates", { event: "rates_user.ready" });
  while (!shutdown.stop.aborted) {
    if (!rates.current()) await rates.get().catch(() => {});
    await clock.sleep(random.int(5, 100), shutdown.stop).catch(() => {});
  }
  await closeRedis(redis);
  return 0;
});
