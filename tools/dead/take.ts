/** `deno task dead take GROUP` and `leave GROUP`. */
import { printable } from "../../shared/runtime/printable.ts";
import type { Takes } from "../../subscriber/dead_letters/takes.ts";
import { letters } from "./jobs.ts";

export async function take(takes: Takes, group: string, by: string, note: string): Promise<number> {
  const taken = await takes.take(group, by, note);
  if (taken > 0) console.log(`Taken: ${letters(taken)}. It turns no headline until it grows.`);
  else console.error(printable(`There is no group ${group}: deno task dead groups shows them.`));
  return taken > 0 ? 0 : 1;
}

export async function leave(takes: Takes, group: string): Promise<number> {
  const left = await takes.leave(group);
  console.log(left ? "Left to others." : printable(`Nobody has the group ${group}.`));
  return left ? 0 : 1;
}
