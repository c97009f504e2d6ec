/** {@linkcode SharedRates} in Redis: one key with all rates, one lock key, and scripts that touch both in one step. */
import type { Redis } from "ioredis";
import { type Rates, ratesFromJson, ratesToJson } from "./rates.ts";
import type { Life, Look, SharedRates } from "./shared_rates.ts";

/** The value of the lock key while it is a pause and nobody's lock; tokens are hexadecimal. */
const paused = "paused";

/** KEYS: rates, lock. ARGV: token, lock TTL in ms. Returns: state, rates, ms until they are stale, ms until they are gone. */
const lookOrLock = `
local value = redis.call('GET', KEYS[1])
local usable, fresh = 0, 0
if value then
  local ok, rates = pcall(cjson.decode, value)
  if ok and type(rates) == 'table' and type(rates.stale_ms) == 'number' then
    usable = redis.call('PTTL', KEYS[1])
    fresh = usable - rates.stale_ms
    if fresh > 0 then return {'fresh', value, fresh, usable} end
  else
    value = false
  end
end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'locked', value, fresh, usable} end
local state = redis.call('GET', KEYS[2]) == '${paused}' and 'paused' or 'held'
return {state, value, fresh, usable}`;

/** KEYS: rates, lock. ARGV: token, new value, its as_of in ms, TTL in ms. */
const write = `
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'lock-lost' end
redis.call('DEL', KEYS[2])
local current = redis.call('GET', KEYS[1])
if current then
  local ok, rates = pcall(cjson.decode, current)
  if ok and type(rates) == 'table' and type(rates.as_of_ms) == 'number' and rates.as_of_ms > tonumber(ARGV[3]) then
    return 'older'
  end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
return 'written'`;

/** KEYS: lock. ARGV: token, ms. */
const pause = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], '${paused}', 'PX', ARGV[2])
return 1`;

/** KEYS: lock. ARGV: token. */
const release = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** KEYS: rates. ARGV: the value that nobody can read. */
const discard = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

export class RedisRates implements SharedRates {
  readonly #rates: string;
  readonly #lock: string;

  /** @param prefix begins both keys, whose common tag in braces keeps them in one slot of a Redis cluster */
  constructor(private readonly redis: Redis, prefix: string) {
    this.#rates = `${prefix}{rates}:current`;
    this.#lock = `${prefix}{rates}:lock`;
  }

  async lookOrLock(token: string, lockTtlMs: number): Promise<Look> {
    const reply = await this.redis.eval(lookOrLock, 2, this.#rates, this.#lock, token, lockTtlMs);
    const [state, value, freshMs, usableMs] = reply as [Look["state"], string | null, number, number];
    if (!value) return { state };
    try {
      return { state, cached: { rates: ratesFromJson(value), freshMs, usableMs } };
    } catch {
      // Somebody else wrote this, or a version of ours that writes them differently.
      await this.redis.eval(discard, 1, this.#rates, value);
      return { state: state === "fresh" ? "held" : state };
    }
  }

  async write(token: string, rates: Rates, { freshMs, staleMs }: Life): Promise<"written" | "lock-lost" | "older"> {
    const value = JSON.stringify({ ...ratesToJson(rates), stale_ms: staleMs });
    const ttl = freshMs + staleMs;
    const reply = await this.redis.eval(write, 2, this.#rates, this.#lock, token, value, rates.asOfMs, ttl);
    return reply as "written" | "lock-lost" | "older";
  }

  async pause(token: string, ms: number): Promise<void> {
    await this.redis.eval(pause, 1, this.#lock, token, ms);
  }

  async release(token: string): Promise<void> {
    await this.redis.eval(release, 1, this.#lock, token);
  }
}
