/** Many subscribers at once on a cache that holds no rates, and events that all need them. */
import { delay } from "../../tools/services/server.ts";
import { controlClient } from "../../rates-api/control_client.ts";
import type { Environment } from "../environment.ts";
import { type Figures, startSubscribers } from "./consume.ts";

const subscribers = 16;
const events = 20_000;
const pollMs = 3;

export async function coldStart(environment: Environment): Promise<Figures> {
  await environment.reset();
  await using ratesApi = await environment.startRatesApi();
  const REDIS_KEY_PREFIX = `cold-${crypto.randomUUID().slice(0, 8)}:`;
  await using members = await startSubscribers(environment, subscribers, { env: { REDIS_KEY_PREFIX } });
  members.hold();
  await environment.publishLines(Array.from({ length: events }, (_, n) => dollarBet(n + 1)));
  const begun = performance.now();
  members.release();
  let firstStoredMs = NaN;
  while (Number.isNaN(firstStoredMs)) {
    if (await environment.stored() > 0) firstStoredMs = performance.now() - begun;
    else await delay(pollMs);
  }
  await environment.untilStored(events);
  const allStoredMs = performance.now() - begun;
  using control = controlClient(environment.env["RATES_API_ADDRESS"]!, environment.env["RATES_CONTROL_KEY"]!);
  const { calls } = await control.stats();
  await members.stop();
  await ratesApi.stop();
  await environment.check(events);
  return { firstStoredMs, allStoredMs, apiCalls: calls };
}

function dollarBet(id: number): string {
  return JSON.stringify({
    id,
    player_id: 10 + id % 1_000,
    game_id: 100,
    type: "bet",
    amount: 500,
    currency: "USD",
    has_won: false,
    created_at: "2026-01-01T00:00:00Z",
  });
}
