/** {@linkcode SharedRates} in Redis: one key with all rates, one lock key, and atomic scripts over both. */
import type { Redis } from "ioredis";
import { explainRedis } from "../../shared/redis/client.ts";
import { messageOf, PermanentError } from "../../shared/runtime/errors.ts";
import { type Rates, ratesFromJson, ratesToJson } from "./rates.ts";
import { type Cached, holderOf, type Inspection, type Life, type Look, type SharedRates } from "./shared_rates.ts";

/** The value of the lock key during a pause. A token contains a slash, so it never equals this. */
const paused = "paused";

/**
 * Returns the cached value as text and as JSON, and the ms until it expires. Deletes a value that no subscriber wrote:
 * it would block every subscriber, and for ever if it has no time to live.
 */
const current = `
local function current()
  if redis.call('TYPE', KEYS[1]).ok == 'string' then
    local value = redis.call('GET', KEYS[1])
    local usable = redis.call('PTTL', KEYS[1])
    local ok, rates = pcall(cjson.decode, value)
    if usable >= 0 and ok and type(rates) == 'table' and type(rates.as_of_ms) == 'number'
      and type(rates.stale_ms) == 'number' and rates.stale_ms >= 0 and rates.stale_ms <= ${Number.MAX_SAFE_INTEGER}
    then return value, rates, usable end
  end
  redis.call('DEL', KEYS[1])
  return false
end`;

/** KEYS: rates, lock. ARGV: token, lock TTL in ms. Returns: state, rates, ms until stale, ms until expired, SHA-1. */
const lookOrLock = `${current}
local value, rates, usable = current()
local fresh = value and usable - rates.stale_ms
local state
if value and fresh > 0 then state = 'fresh'
elseif redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then state = 'locked'
elseif redis.call('GET', KEYS[2]) == '${paused}' then state = 'paused'
else state = 'held' end
if not value then return {state} end
return {state, value, fresh, usable, redis.sha1hex(value)}`;

/** KEYS: rates, lock. ARGV: token, new value, its as_of in ms, TTL in ms. */
const write = `${current}
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'lock-lost' end
local value, rates = current()
if value and rates.as_of_ms > tonumber(ARGV[3]) then return 'older' end
redis.call('DEL', KEYS[2])
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

/** KEYS: rates, lock. Returns: value and PTTL in ms of each key. Reads only. */
const inspect =
  `return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]), redis.call('GET', KEYS[2]), redis.call('PTTL', KEYS[2])}`;

/** KEYS: rates. ARGV: SHA-1 of the unreadable value: the text of invalid UTF-8 has other bytes than the value. */
const discard = `
local value = redis.call('GET', KEYS[1])
if not value or redis.sha1hex(value) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

export class RedisRates implements SharedRates {
  readonly #rates: string;
  readonly #lock: string;

  /** @param prefix begins both keys. Their common tag in braces keeps both keys in one slot of a Redis Cluster. */
  constructor(private readonly redis: Redis, prefix: string) {
    this.#rates = `${prefix}{rates}:current`;
    this.#lock = `${prefix}{rates}:lock`;
  }

  async lookOrLock(token: string, lockTtlMs: number): Promise<Look> {
    const reply = await this.#eval(lookOrLock, 2, this.#rates, this.#lock, token, lockTtlMs);
    const [state, value, freshMs, usableMs, sha1] = reply as [
      Look["state"],
      string | undefined,
      number,
      number,
      string,
    ];
    if (value === undefined) return { state };
    try {
      return { state, cached: { rates: ratesFromJson(value), freshMs, usableMs } };
    } catch {
      // Another program, or another version of the subscriber, wrote this value.
      await this.#eval(discard, 1, this.#rates, sha1);
      return { state: state === "fresh" ? "held" : state };
    }
  }

  async write(token: string, rates: Rates, { freshMs, staleMs }: Life): Promise<"written" | "lock-lost" | "older"> {
    const value = JSON.stringify({ ...ratesToJson(rates), stale_ms: staleMs });
    const ttl = freshMs + staleMs;
    const reply = await this.#eval(write, 2, this.#rates, this.#lock, token, value, rates.asOfMs, ttl);
    return reply as "written" | "lock-lost" | "older";
  }

  async pause(token: string, ms: number): Promise<void> {
    await this.#eval(pause, 1, this.#lock, token, ms);
  }

  async release(token: string): Promise<void> {
    await this.#eval(release, 1, this.#lock, token);
  }

  /** @throws the error of Redis; {PermanentError} from a cluster node that does not hold our keys */
  async #eval(script: string, ...args: [keys: number, ...(string | number)[]]): Promise<unknown> {
    try {
      return await this.redis.eval(script, ...args);
    } catch (error) {
      const [code, slot, node] = messageOf(error).split(" ");
      if (code !== "MOVED") throw explainRedis(this.redis, error);
      throw new PermanentError(
        `REDIS_URL leads to a node of a Redis Cluster that does not hold ${this.#rates} (MOVED ${slot} ${node}): ` +
          `set it to the node that does, ${node}, or to a Redis that is no cluster.`,
      );
    }
  }

  async inspect(): Promise<Inspection> {
    const reply = await this.#eval(inspect, 2, this.#rates, this.#lock);
    const [value, usableMs, token, ttlMs] = reply as [string | null, number, string | null, number];
    return {
      cached: value === null ? undefined : cachedOf(value, usableMs),
      lock: token === null
        ? { state: "free", holder: undefined, ttlMs: 0 }
        : token === paused
        ? { state: "paused", holder: undefined, ttlMs }
        : { state: "held", holder: holderOf(token), ttlMs },
    };
  }
}

/** Returns `undefined` for an unreadable value: the next look for rates deletes it. */
function cachedOf(value: string, usableMs: number): Cached | undefined {
  try {
    const { stale_ms: staleMs } = JSON.parse(value);
    return { rates: ratesFromJson(value), freshMs: usableMs - Number(staleMs ?? 0), usableMs };
  } catch {
    return undefined;
  }
}
