/** Groups of letters with one cause, and the operators who took them. */
import type { Database, Row } from "../../shared/postgres/pool.ts";
import type { CauseGroup, Filter, Taken } from "../../shared/rabbitmq/dead/admin.ts";
import { Conditions } from "./letter_query.ts";
import { isoTime } from "./letter_row.ts";

/** Returns at most 1,000 groups, the largest first. */
export async function readGroups(database: Pick<Database, "query">, filter: Filter): Promise<CauseGroup[]> {
  const where = new Conditions(filter);
  const rows = await database.query(
    `with found as (
         select cause_group, count(*) as letters, max(id) as newest,
           min(last_failed_at) as first_at, max(last_failed_at) as last_at
         from dead_letters where ${where} group by cause_group order by letters desc, newest desc limit 1000
       )
       select found.cause_group, reason, cause, letters, ${isoTime("first_at")}, ${
      isoTime("last_at")
    }, message_id, detail, taken_by, ${isoTime("taken_at")}, note, (
         select count(*) from dead_letters as later
         where later.status = 'dead' and later.cause_group = takes.cause_group and later.id > takes.last
       )
       from found join dead_letters on id = newest
         left join dead_letter_takes as takes on takes.cause_group = found.cause_group
       order by letters desc, newest desc`,
    where.parameters,
  );
  return rows.map(([group, reason, cause, letters, firstAt, lastAt, messageId, detail, ...taken]) => ({
    ...{ group: group!, reason: reason!, cause: cause!, letters: Number(letters) },
    ...{ firstAt: firstAt ?? undefined, lastAt: lastAt ?? undefined },
    sample: { messageId: messageId!, detail: detail! },
    ...(taken[0] != null && { taken: takenOf(taken) }),
  }));
}

function takenOf([by, at, note, more]: Row): Taken {
  return { by: by!, at: at!, note: note!, more: Number(more) };
}
