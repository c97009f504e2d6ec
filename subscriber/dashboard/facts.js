/** Totals, top players, and the servers that the subscriber depends on. */
import { byId, element, setText, setTextOf } from "./dom.js";
import { count, euros, rate, unknown } from "./format.js";

/**
 * @param {import("./answers.ts").Overview} overview
 * @param {(player: string) => void} showPlayer
 */
export function drawFacts({ materialized, dead_letters, dead_letters_untended, dependencies }, showPlayer) {
  setTextOf("events-total", count(materialized?.events_total));
  setTextOf("events-per-minute", count(materialized?.events_per_minute));
  setTextOf("events-average", rate(materialized?.events_per_second_moving_average));
  setTextOf("dead-letters-total", count(dead_letters));
  byId("dead-letters-total").dataset["tone"] = dead_letters_untended ? "bad" : "";

  drawRow(0, "bets", materialized?.top_player_bets, count, showPlayer);
  drawRow(1, "wins", materialized?.top_player_wins, count, showPlayer);
  drawRow(2, "deposits", materialized?.top_player_deposits, euros, showPlayer);

  dependencies.forEach(drawDependency);
}

/**
 * @param {number} n
 * @param {string} what
 * @param {import("./answers.ts").TopPlayer | null | undefined} player
 * @param {(value: number | string) => string} format
 * @param {(player: string) => void} showPlayer
 */
function drawRow(n, what, player, format, showPlayer) {
  const rows = byId("players");
  if (!rows.children[n]) {
    const button = element("button", { type: "button", class: "link" });
    button.addEventListener("click", () => showPlayer(button.dataset["player"] ?? ""));
    rows.append(
      element("tr", {}, element("th", { scope: "row" }, `Most ${what}`), element("td", {}, button), element("td")),
    );
  }
  const [, who, amount] = Array.from(/** @type {Element} */ (rows.children[n]).children);
  const button = who?.querySelector("button");
  if (!button || !amount) return;
  button.hidden = !player;
  button.dataset["player"] = String(player?.id ?? "");
  setText(button, player ? `#${player.id}` : "");
  setText(amount, player ? format(player.count) : unknown);
}

/**
 * @param {import("./answers.ts").Dependency} dependency
 * @param {number} n
 */
function drawDependency({ name, ok, problem }, n) {
  const list = byId("dependencies");
  if (!list.children[n]) {
    list.append(
      element(
        "li",
        {},
        element("span", { class: "lamp", "aria-hidden": "true" }),
        element("strong"),
        element("span", { class: "word" }),
        element("p", { class: "note" }),
      ),
    );
  }
  const item = /** @type {HTMLElement} */ (list.children[n]);
  const [, title, word, note] = Array.from(item.children);
  if (!title || !word || !note) return;
  item.dataset["state"] = ok ? "well" : "problems";
  setText(title, name);
  setText(word, ok ? "up" : "down");
  setText(note, ok ? "" : problem ?? "");
}
