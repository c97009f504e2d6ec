/** The dashboard's files, imported as text: nothing is read at run time, and the page loads nothing from elsewhere. */
import { kinds } from "../../shared/event/kinds.ts";
import uplotCss from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import chart from "./charts/chart.js" with { type: "text" };
import charts from "./charts/charts.js" with { type: "text" };
import day from "./charts/day.js" with { type: "text" };
import span from "./charts/span.js" with { type: "text" };
import deadLetterActs from "./dead_letters/acts.js" with { type: "text" };
import deadLetterBody from "./dead_letters/body.js" with { type: "text" };
import confirm from "./dead_letters/confirm.js" with { type: "text" };
import deadLetterApi from "./dead_letters/api.js" with { type: "text" };
import deadLetters from "./dead_letters/dead_letters.js" with { type: "text" };
import deadLetterEdit from "./dead_letters/edit.js" with { type: "text" };
import deadLetterFilter from "./dead_letters/filter.js" with { type: "text" };
import groupList from "./dead_letters/group_list.js" with { type: "text" };
import jobRow from "./dead_letters/job_row.js" with { type: "text" };
import jobs from "./dead_letters/jobs.js" with { type: "text" };
import lineage from "./dead_letters/lineage.js" with { type: "text" };
import lineageList from "./dead_letters/lineage_list.js" with { type: "text" };
import letterList from "./dead_letters/letter_list.js" with { type: "text" };
import deadLetterRow from "./dead_letters/row.js" with { type: "text" };
import deadLetterWords from "./dead_letters/words.js" with { type: "text" };
import deadLettersCss from "./dead_letters/dead_letters.css" with { type: "text" };
import dom from "./dom.js" with { type: "text" };
import find from "./find/find.js" with { type: "text" };
import facts from "./facts.js" with { type: "text" };
import feed from "./feed.js" with { type: "text" };
import format from "./format.js" with { type: "text" };
import headline from "./headline.js" with { type: "text" };
import history from "./charts/history.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import html from "./index.html" with { type: "text" };
import overview from "./overview.js" with { type: "text" };
import pageCss from "./page.css" with { type: "text" };
import page from "./page.js" with { type: "text" };
import rates from "./rates.js" with { type: "text" };
import session from "./session.js" with { type: "text" };
import stream from "./stream.js" with { type: "text" };
import subscribers from "./subscribers.js" with { type: "text" };

export interface PageAsset {
  /** `/` or `/assets/NAME`. */
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}

export const pageAssets: readonly PageAsset[] = [
  { path: "/", contentType: "text/html; charset=utf-8", body: html.replace("<!-- event types -->", typeFilters()) },
  asset("icon.svg", icon),
  asset("page.css", pageCss),
  asset("uplot.css", uplotCss),
  asset("uplot.js", uplot),
  asset("charts/chart.js", chart),
  asset("charts/charts.js", charts),
  asset("charts/day.js", day),
  asset("charts/span.js", span),
  asset("dead_letters/acts.js", deadLetterActs),
  asset("dead_letters/body.js", deadLetterBody),
  asset("dead_letters/confirm.js", confirm),
  asset("dead_letters/api.js", deadLetterApi),
  asset("dead_letters/dead_letters.js", deadLetters),
  asset("dead_letters/edit.js", deadLetterEdit),
  asset("dead_letters/filter.js", deadLetterFilter),
  asset("dead_letters/group_list.js", groupList),
  asset("dead_letters/job_row.js", jobRow),
  asset("dead_letters/jobs.js", jobs),
  asset("dead_letters/lineage.js", lineage),
  asset("dead_letters/lineage_list.js", lineageList),
  asset("dead_letters/letter_list.js", letterList),
  asset("dead_letters/row.js", deadLetterRow),
  asset("dead_letters/words.js", deadLetterWords),
  asset("dead_letters/dead_letters.css", deadLettersCss),
  asset("dom.js", dom),
  asset("facts.js", facts),
  asset("find/find.js", find),
  asset("feed.js", feed),
  asset("format.js", format),
  asset("headline.js", headline),
  asset("charts/history.js", history),
  asset("overview.js", overview),
  asset("page.js", page),
  asset("rates.js", rates),
  asset("session.js", session),
  asset("stream.js", stream),
  asset("subscribers.js", subscribers),
];

function asset(name: string, body: string): PageAsset {
  const types: Record<string, string> = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  return { path: `/assets/${name}`, contentType: `${types[name.split(".").pop()!]}; charset=utf-8`, body };
}

/** A checkbox for each kind of event, from which stream.js reads the kind's label. */
function typeFilters(): string {
  return kinds.map(({ type, label }) =>
    `<label class="chip"><input type="checkbox" name="type" value="${type}" data-label="${label}" checked> ${label}s</label>`
  ).join("\n");
}
