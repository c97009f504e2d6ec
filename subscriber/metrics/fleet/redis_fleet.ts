/**
 * {@linkcode Fleet} in Redis: a key with a time to live for each subscriber, question and answer, and two keys that
 * list the ids.
 */
import type { Redis } from "ioredis";
import { explainRedis } from "../../../shared/redis/client.ts";
import {
  answerLifeMs,
  type Fleet,
  type HeardReport,
  lifeMs,
  mostQuestions,
  type Question,
  questionLifeMs,
  reportFromJson,
  reportToJson,
  type SubscriberReport,
  TooManyQuestions,
} from "./fleet.ts";

/** Returns the listed ids whose keys still exist. A list in an unknown format counts as empty. */
const known = `
local function known(key, prefix, but)
  local ok, ids = pcall(function() return cjson.decode(redis.call('GET', key)) end)
  local found = {}
  if ok and type(ids) == 'table' then
    for _, id in ipairs(ids) do
      if type(id) == 'string' and id ~= but and redis.call('PTTL', prefix .. id) > 0 then table.insert(found, id) end
    end
  end
  return found
end`;

/**
 * KEYS: ids, the report, ids of questions. ARGV: prefix of reports, id, report, its life in ms, prefix of questions.
 * Returns: id and text of each open question.
 */
const tell = `${known}
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
local ids = known(KEYS[1], ARGV[1], ARGV[2])
table.insert(ids, ARGV[2])
redis.call('SET', KEYS[1], cjson.encode(ids), 'PX', ARGV[4])
local questions = {}
for _, id in ipairs(known(KEYS[3], ARGV[5])) do
  table.insert(questions, id)
  table.insert(questions, redis.call('GET', ARGV[5] .. id))
end
return questions`;

/** KEYS: ids of questions, the question. ARGV: prefix of questions, id, text, life in ms, the most questions. */
const ask = `${known}
local ids = known(KEYS[1], ARGV[1], ARGV[2])
if #ids >= tonumber(ARGV[5]) then return 0 end
table.insert(ids, ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('SET', KEYS[1], cjson.encode(ids), 'PX', ARGV[4])
return 1`;

/** KEYS: answers. Returns: each answer, or false when there is none. */
const readAnswers = `
local answers = {}
for _, key in ipairs(KEYS) do table.insert(answers, redis.call('GET', key)) end
return answers`;

/** KEYS: ids, the report. ARGV: prefix of reports, id, life of the ids in ms. */
const leave = `${known}
redis.call('DEL', KEYS[2])
local ids = known(KEYS[1], ARGV[1], ARGV[2])
if #ids == 0 then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], cjson.encode(ids), 'PX', ARGV[3]) end`;

/** KEYS: ids. ARGV: prefix of reports. Returns: each report, and the ms until it expires. */
const read = `${known}
local reports = {}
for _, id in ipairs(known(KEYS[1], ARGV[1])) do
  table.insert(reports, redis.call('GET', ARGV[1] .. id))
  table.insert(reports, redis.call('PTTL', ARGV[1] .. id))
end
return reports`;

/** One failed write may be a short pause: the next follows a second later. */
const mostUntold = 1;

export class RedisFleet implements Fleet {
  readonly #ids: string;
  readonly #reports: string;
  readonly #questionIds: string;
  readonly #questions: string;
  readonly #answers: string;
  /** Failed writes in a row. */
  #untold = 0;
  #problem: unknown;

  /** @param prefix of all keys. Their hash tag is that of the rates: the roles of `deno task roles` may use no other */
  constructor(private readonly redis: Redis, prefix: string) {
    this.#ids = `${prefix}{rates}:subscribers`;
    this.#reports = `${prefix}{rates}:subscriber:`;
    this.#questionIds = `${prefix}{rates}:questions`;
    this.#questions = `${prefix}{rates}:question:`;
    this.#answers = `${prefix}{rates}:answer:`;
  }

  async tell(report: SubscriberReport): Promise<Question[]> {
    const { id } = report;
    const keys = [this.#ids, this.#reports + id, this.#questionIds];
    const reported = [this.#reports, id, reportToJson(report), lifeMs, this.#questions];
    const reply = await this.#eval(tell, keys.length, ...keys, ...reported).catch((error) => {
      this.#untold++;
      throw this.#problem = error;
    }) as string[];
    this.#untold = 0;
    return Array.from({ length: reply.length / 2 }, (_, i) => ({ id: reply[i * 2]!, text: reply[i * 2 + 1]! }));
  }

  async ask({ id, text }: Question): Promise<void> {
    const asked = [this.#questions, id, text, questionLifeMs, mostQuestions];
    const done = await this.#eval(ask, 2, this.#questionIds, this.#questions + id, ...asked);
    if (done === 0) throw new TooManyQuestions();
  }

  async answer(questionId: string, subscriberId: string, text: string): Promise<void> {
    await this.redis.set(this.#keyOf(questionId, subscriberId), text, "PX", answerLifeMs);
  }

  async answers(questionId: string, subscriberIds: readonly string[]): Promise<(string | undefined)[]> {
    const keys = subscriberIds.map((id) => this.#keyOf(questionId, id));
    const reply = await this.#eval(readAnswers, keys.length, ...keys) as (string | null)[];
    return keys.map((_, i) => reply[i] ?? undefined);
  }

  #keyOf(questionId: string, subscriberId: string): string {
    return `${this.#answers}${questionId}:${subscriberId}`;
  }

  async leave(id: string): Promise<void> {
    await this.#eval(leave, 2, this.#ids, this.#reports + id, this.#reports, id, lifeMs);
  }

  /** @throws also while Redis refuses our reports: it refuses those of others too, so the stored reports are old */
  async read(): Promise<HeardReport[]> {
    if (this.#untold > mostUntold) throw this.#problem;
    const reply = await this.#eval(read, 1, this.#ids, this.#reports) as (string | number)[];
    const heard: HeardReport[] = [];
    for (let i = 0; i + 1 < reply.length; i += 2) {
      const report = reportFromJson(String(reply[i]));
      if (report) heard.push({ ...report, heard_ms: Math.max(0, lifeMs - Number(reply[i + 1])) });
    }
    return heard.sort((one, other) => one.id < other.id ? -1 : 1);
  }

  /** @throws the error of Redis, explained */
  async #eval(script: string, ...args: [keys: number, ...(string | number)[]]): Promise<unknown> {
    return await this.redis.eval(script, ...args).catch((error) => {
      throw explainRedis(this.redis, error);
    });
  }
}
