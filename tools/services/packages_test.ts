import { match, strictEqual } from "node:assert/strict";
import { whatToInstall } from "./packages.ts";

Deno.test("whatToInstall() gives one line, for the missing servers alone", () => {
  const tool = {
    program: "dnf",
    command: "sudo dnf install -y",
    packages: { rabbitmq: "r", redis: "s", postgres: "p" },
  };
  strictEqual(
    whatToInstall(["redis", "postgres"], tool),
    "Redis, Postgres not found on this machine. Run this, then try again:\n\n  sudo dnf install -y s p\n",
  );
});

Deno.test("whatToInstall() names the way out where it knows no package tool", () => {
  match(whatToInstall(["redis"], undefined), /^Redis not found on this machine: install them, or set their URLs/);
});
