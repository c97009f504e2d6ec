/**
 * Import this before `pg`, `ioredis` or `@grpc/grpc-js`. They read `process.env` when they are loaded, and Deno throws
 * without the permission. This module replaces `process.env` by an empty object; with the permission it changes
 * nothing.
 *
 * Do not use top-level await here: Deno would load the modules that are imported after this one first.
 *
 * Reports: https://github.com/denoland/deno/issues/27866, https://github.com/brianc/node-postgres/issues/3560
 * Remove it when `deno test --allow-net shared rates-api` passes without it.
 */
import process from "node:process";

if (Deno.permissions.querySync({ name: "env" }).state !== "granted") {
  Object.defineProperty(process, "env", { value: {}, configurable: true });
}
