/** The dashboard. Each answer of the subscriber goes into a bounded history, and onto the page at most once a frame. */
import { drawCharts, historyNames } from "./charts/charts.js";
import { DeadLetters } from "./dead_letters/dead_letters.js";
import { byId, oncePerFrame } from "./dom.js";
import { EventStream } from "./stream.js";
import { drawFacts } from "./facts.js";
import { Finder } from "./find/find.js";
import { Headline } from "./headline.js";
import { History } from "./charts/history.js";
import { pollOverview } from "./overview.js";
import { Span } from "./charts/span.js";
import { drawRates } from "./rates.js";
import { Session } from "./session.js";
import { drawSubscribers } from "./subscribers.js";

/** A quarter of an hour at one sample a second. The live charts show the last five minutes of it. */
const samples = 900;

const history = new History(samples, historyNames);
const headline = new Headline();
const stream = new EventStream();
const finder = new Finder();
const letters = new DeadLetters((id) => finder.find(id), () => session.refresh());

/** @type {import("./answers.ts").Overview | undefined} */
let overview;

const draw = oncePerFrame(() => {
  headline.draw();
  if (!overview) return;
  drawCharts(history, span.day, overview);
  drawFacts(overview, (player) => stream.showPlayer(player));
  drawRates(overview.rates);
  drawSubscribers(overview);
});

const span = new Span(draw);

const ask = pollOverview({
  onAnswer(answer) {
    overview = answer;
    span.tick();
    if (!session.known) session.refresh();
    history.push(Date.now(), {
      throughput: answer.events_last_second,
      queue: answer.queue?.messages,
      oldest: answer.queue?.oldest_ms,
      p50: answer.latency_ms?.p50,
      p99: answer.latency_ms?.p99,
    });
    headline.answered(answer);
    letters.answered(answer);
    stream.start();
    delete byId("main").dataset["stale"];
    draw();
  },
  onLost(reason, nextTryAt) {
    history.push(Date.now(), {});
    headline.lost(reason, nextTryAt);
    stream.stop("No events until the connection is back.");
    byId("main").dataset["stale"] = "";
    draw();
  },
  onClosed() {
    stream.stop("");
    session.refresh();
  },
});
const session = new Session({
  onChange() {
    letters.reload();
    ask();
  },
});

setInterval(draw, 1_000);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
