/**
 * Import this before `pg` or `ioredis`. They read `process.env` while they are loaded, which Deno refuses when the
 * permission was not granted; they then find it empty instead. Where the permission is there, nothing changes.
 * No top-level await here: modules that are imported after this one would be loaded before it is done.
 */
import process from "node:process";

if (Deno.permissions.querySync({ name: "env" }).state !== "granted") {
  Object.defineProperty(process, "env", { value: {}, configurable: true });
}
