/** Records operators' acts in the table `acts` and in the log. An act that cannot be recorded is not performed. */
import { explainStoreError, messageOf } from "../runtime/errors.ts";
import { printable } from "../runtime/printable.ts";
import { redact } from "../runtime/secrets.ts";
import type { Log } from "../runtime/telemetry/log.ts";
import type { Database, Row } from "./pool.ts";

/** An act before it is performed. */
export interface Act {
  readonly who: string;
  /** `replay`, `drop`, and so on. */
  readonly act: string;
  /** The filter that selects what the act applies to. */
  readonly filter: Readonly<Record<string, string>>;
  /** The operator's address or host name. */
  readonly peer: string;
  /** The subscriber or command that performs the act. */
  readonly via: string;
}

export interface ActEnd {
  readonly state: "done" | "failed";
  /** How many items the act changed, if known. */
  readonly affected: number | undefined;
  /** Text or JSON. */
  readonly result: string;
}

export interface RecordedAct extends Act {
  readonly id: string;
  /** RFC 3339. */
  readonly begun_at: string;
  readonly ended_at: string | null;
  /** `begun`: the act is running, or its process died. */
  readonly state: "begun" | ActEnd["state"];
  readonly affected: number | null;
  readonly result: string | null;
}

/** The act cannot be recorded, so it is not performed. */
export class ActNotRecorded extends Error {
  override readonly name = "ActNotRecorded";
}

const mostResult = 2_000;

const begin = "insert into acts (who, act, filter, peer, via) values ($1, $2, $3::jsonb, $4, $5) returning id";
const end = `update acts set state = $2, affected = nullif($3, '')::bigint, result = $4, ended_at = now()
  where id = $1::bigint and state = 'begun'`;
const utc = (column: string) => `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const newest = `select id, ${utc("begun_at")}, ${utc("ended_at")}, who, act, filter, peer, via, state, affected, result
  from acts where id < $1::bigint order by id desc limit $2::int`;

export class Acts {
  constructor(private readonly database: Database, private readonly log: Log) {}

  /**
   * Records the act, performs it, and records its end.
   * @throws {ActNotRecorded} without having called `perform`; or the error of `perform`
   */
  async record<T>(act: Act, perform: () => Promise<T>, endOf: (result: T) => ActEnd | Promise<ActEnd>): Promise<T> {
    const { who, filter, peer, via } = act;
    const id = await this.#begin([who, act.act, JSON.stringify(printableFilter(filter)), peer, via]);
    this.log.info("An act begins", { event: "act.begun", id, ...act });
    try {
      const result = await perform();
      await this.#end(id, act, await endOf(result));
      return result;
    } catch (error) {
      await this.#end(id, act, { state: "failed", affected: undefined, result: messageOf(error) });
      throw error;
    }
  }

  /** Returns acts, newest first. @param before an act's id: only older acts are returned */
  async list(limit: number, before = "9223372036854775807"): Promise<RecordedAct[]> {
    return (await this.database.query(newest, [before, String(limit)])).map(recordedAct);
  }

  async #begin(values: readonly string[]): Promise<string> {
    try {
      const [row] = await this.database.query(begin, values);
      return row![0]!;
    } catch (error) {
      throw new ActNotRecorded(`the act cannot be recorded, so it is not done: ${explainStoreError(error)}`, {
        cause: error,
      });
    }
  }

  /** Never rejects: the act is already performed, and the log contains it. */
  async #end(id: string, act: Act, { state, affected, result }: ActEnd): Promise<void> {
    const shown = redact(result).slice(0, mostResult).replaceAll("\0", "\\u0000");
    this.log.info("An act has ended", { event: "act.ended", id, ...act, state, affected, result: shown });
    try {
      await this.database.query(end, [id, state, String(affected ?? ""), shown]);
    } catch (error) {
      this.log.error("The end of an act cannot be recorded", {
        event: "act.unrecorded",
        id,
        problem: messageOf(error),
      });
    }
  }
}

/** Escapes NUL, which Postgres cannot store in text. */
function printableFilter(filter: Act["filter"]): Act["filter"] {
  const whole = (text: string) => printable(text, Infinity);
  return Object.fromEntries(Object.entries(filter).map(([name, value]) => [whole(name), whole(value)]));
}

/** Returns the role and address that Postgres sees: more reliable than any name that an operator types. */
export async function connectedAs(database: Pick<Database, "query">): Promise<Pick<Act, "who" | "peer">> {
  const [row] = await database.query("select current_user::text, coalesce(host(inet_client_addr()), 'local')", []);
  return { who: row![0]!, peer: row![1]! };
}

function recordedAct([id, begun, ended, who, act, filter, peer, via, state, affected, result]: Row): RecordedAct {
  return {
    ...{ id: id!, begun_at: begun!, ended_at: ended ?? null, who: who!, act: act!, filter: JSON.parse(filter!) },
    ...{ peer: peer!, via: via!, state: state as RecordedAct["state"], result: result ?? null },
    affected: affected == null ? null : Number(affected),
  };
}
