/** `deno task dead take GROUP` and `leave GROUP`. */
import { printable } from "../../shared/runtime/printable.ts";
import type { Takes } from "../../subscriber/dead_letters/takes.ts";
import { letters } from "./jobs.ts";

export async function take(takes: Takes, group: string, by: string, note: string): Promise<number> {
  const taken = await takes.take(group, by, note);
  if (taken > 0) console.log(`Took the group: ${letters(taken)}. The headline ignores it until it grows.`);
  else console.error(printable(`There is no group ${group}: deno task dead groups shows them.`));
  return taken > 0 ? 0 : 1;
}

export async function leave(takes: Takes, group: string): Promise<number> {
  const left = await takes.leave(group);
  console.log(printable(left ? `Left the group ${group}.` : `Nobody has taken the group ${group}.`));
  return left ? 0 : 1;
}
