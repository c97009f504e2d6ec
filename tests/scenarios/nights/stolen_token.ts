/** A thief has an operator's token: signs in, drops dead letters, and tries on when the token is another. */
import { strictEqual } from "node:assert/strict";
import { openPage, signIn, untilText } from "../dashboard/browser.ts";
import { expected, oneBet, send, times } from "./messages.ts";
import type { Story } from "./night.ts";

const letters = 5;
const tries = 30;

export const stolenToken: Story = async (night, system) => {
  const page = `http://${system.env["HTTP"]}/`;
  const token = "a-token-of-the-test";
  await system.withSql((sql) =>
    sql.query("alter table events add constraint no_such_bet check (amount <> 666) not valid")
  );
  await send(system, times(letters, () => expected(system, oneBet({ amount: 666n }))));
  await untilText(night.page, "#headline-title", `${letters} dead letters to look at`, 40_000);

  await using thief = await openPage(page);
  await signIn(thief.page, token);
  await untilText(thief.page, "#signed-in", "anna (administer)");
  await thief.page.locator("#letters-drop").click();
  await thief.page.locator("#confirm").getByRole("button", { name: "Drop all" }).click();
  await night.sees({ title: "All is well", status: /^Dead letters +0 letters$/m });

  await night.follows("runbook.md", "CasinoSignInsFail", "/audit");
  await night.follows("rotation.md", "Tokens for HTTP");
  strictEqual((await thief.page.context().request.get(`${page}audit`)).status(), 401, "the thief's session");
  for (let n = 0; n < tries; n++) {
    const answer = await fetch(`${page}audit`, { headers: { authorization: `Bearer ${token}` } });
    await answer.body?.cancel();
  }
  await night.fires("CasinoSignInsFail", /^\d+ tokens were wrong in ten minutes$/);
  await night.follows("runbook.md", "CasinoSignInsFail", "casino_sign_ins_total", "http.sign_in_failed", "dead undo");

  await night.sees({ title: `${letters} dead letters to look at`, status: /^Dead letters +5 letters/m });
  await system.withSql((sql) => sql.query("alter table events drop constraint no_such_bet"));
  await night.follows("runbook.md", "store-rejected", "dead replay");
};
