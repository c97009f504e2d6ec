import { deepStrictEqual, throws } from "node:assert/strict";
import { type FindWords, parseFind } from "./query.ts";

const uuid = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

Deno.test("parseFind() accepts an id as each kind of id that it may be", () => {
  deepStrictEqual(parseFind({ id: ` {${uuid.toUpperCase()}} ` }), {
    ...{ text: `{${uuid.toUpperCase()}}`, messageId: uuid, eventId: undefined },
  });
  deepStrictEqual(parseFind({ id: "-1" }), { text: "-1", messageId: undefined, eventId: -1n });
  deepStrictEqual(parseFind({ id: "9223372036854775808" }), {
    ...{ text: "9223372036854775808", messageId: undefined, eventId: undefined },
  });
});

Deno.test("parseFind() reads times as UTC unless they name a zone", () => {
  const atOf = (at: string) => {
    const query = parseFind({ player: "11", at });
    return "atMs" in query && new Date(query.atMs).toISOString();
  };
  deepStrictEqual(
    ["2022-02-02T12:34", "2022-02-02 12:34:05.5", "2022-02-02T12:34z", "2022-02-02T12:34+02:00", "2022-02-02"].map(
      atOf,
    ),
    ["12:34:00.000", "12:34:05.500", "12:34:00.000", "10:34:00.000", "00:00:00.000"].map((time) =>
      `2022-02-02T${time}Z`
    ),
  );
});

Deno.test("parseFind() names a query that cannot be read", () => {
  const cases: [FindWords, RegExp][] = [
    [{}, /give an id, or a player and a time/],
    [{ id: " " }, /give an event id/],
    [{ id: "x".repeat(401) }, /has 401 characters; the limit is 400/],
    [{ id: "1", player: "11" }, /not both/],
    [{ player: "11" }, /give the time of/],
    [{ at: "2022-02-02" }, /give an id, or a player and a time/],
    [{ player: "john", at: "2022-02-02" }, /"john" must be a whole number/],
    [{ player: "11", at: "noon" }, /"noon" must be a time such as/],
    [{ player: "11", at: "2022-02-31T25:00" }, /must be a time/],
    [{ player: "11", at: "0000-01-01" }, /"0000-01-01" must be a time such as/],
    [{ player: "11", at: "9999-12-31T23:59" }, /must be a time such as/],
    [{ player: "11", at: "2022-02-02", within: "2d" }, /"2d" must be a duration/],
    [{ player: "11", at: "2022-02-02", within: "25h" }, /"25h" must be a duration/],
    [{ player: "11", at: "2022-02-02", within: "0s" }, /"0s" must be a duration/],
  ];
  for (const [words, problem] of cases) throws(() => parseFind(words), problem);
});
