import { doesNotMatch, match, strictEqual } from "node:assert/strict";
import { superuserLine } from "./database.ts";

Deno.test("superuserLine() is one line for a shell, with the documented default password", () => {
  strictEqual(
    superuserLine(new URL("postgres://casino:casino@127.0.0.1:5432/casino")),
    `sudo -u postgres psql -p 5432 -c 'create role "casino" login password '\\''casino'\\''' ` +
      `-c 'create database "casino" owner "casino"'`,
  );
});

Deno.test("superuserLine() shows no password of the user's own", () => {
  doesNotMatch(superuserLine(new URL("postgres://casino:hidden@127.0.0.1:5432/casino")), /hidden/);
});

Deno.test("superuserLine() goes to the host where the server is", () => {
  match(
    superuserLine(new URL("postgres://casino:casino@db.example:5432/casino")),
    /^psql -h db\.example -U postgres -p 5432 /,
  );
});
