import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { RecordedLog } from "../../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { includes, parseTokens, roles, tokenOf, TokensFile } from "./tokens.ts";

const [secret, other] = ["0123456789abcdef", "fedcba9876543210"];

Deno.test("parseTokens() reads one token a line, and skips comments and empty lines", () => {
  deepStrictEqual(parseTokens(`# of the shift\n\nanna act ${secret}\r\n  bob@example.com\tlook   ${other}\n`), [
    { name: "anna", role: "act", secret },
    { name: "bob@example.com", role: "look", secret: other },
  ]);
});

Deno.test("parseTokens() names an invalid line, and never shows it", () => {
  const faults: Record<string, RegExp> = {
    [`anna act ${secret}\nbob ${other}`]: /^line 2 must be: name look\|act\|administer token$/,
    [`anna root ${secret}`]: /^line 1 must be: name/,
    [`anna act ${secret} ${other}`]: /^line 1 must be: name/,
    [`an/na act ${secret}`]: /^line 1 must begin with a name/,
    "anna act short": /^line 1 must end with a token: 16 to 512/,
    [`anna act ${secret}\nbob look ${secret}`]: /^line 2 repeats the token of an earlier line$/,
    "# nothing": /^has no tokens/,
  };
  for (const [text, message] of Object.entries(faults)) {
    throws(() => parseTokens(text), { name: "RangeError", message });
  }
});

Deno.test("each role includes the roles before it", () => {
  deepStrictEqual(roles.map((role) => roles.filter((needed) => includes(role, needed))), [
    ["look"],
    ["look", "act"],
    ["look", "act", "administer"],
  ]);
});

Deno.test("TokensFile applies a change within a second; an unusable file keeps the last tokens and is logged once", async () => {
  const clock = new VirtualClock();
  const log = new RecordedLog();
  let text: string | undefined = `anna act ${secret}`;
  const readFile = () => {
    if (text === undefined) throw new Error("ENOENT");
    return text;
  };
  const tokens = new TokensFile({ path: "/tokens", clock, log, readFile });
  const isValid = (given: string) => tokenOf(given, tokens.read()) !== undefined;
  text = `anna act ${other}`;
  deepStrictEqual([isValid(secret), isValid(other)], [true, false]);
  await clock.advance(1_000);
  deepStrictEqual([isValid(secret), isValid(other)], [false, true]);
  for (text of ["anna act", undefined, undefined]) {
    await clock.advance(1_000);
    strictEqual(isValid(other), true);
  }
  deepStrictEqual(log.entries.map(({ fields }) => fields["event"]), [
    "http.tokens_changed",
    "http.tokens_unusable",
    "http.tokens_unusable",
  ]);
  strictEqual(JSON.stringify(log.entries).includes(other), false);
});

Deno.test("TokensFile names the setting when its file is unusable at the start", () => {
  const options = { path: "/tokens", clock: new VirtualClock(), log: new RecordedLog(), readFile: () => "anna" };
  throws(() => new TokensFile(options), { name: "ConfigError", message: /^HTTP_TOKENS_FILE=\/tokens: line 1 must be/ });
});
