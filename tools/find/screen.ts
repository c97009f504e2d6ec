/** Prints the location of an event for humans. */
import { styleText } from "node:util";
import { printable } from "../../shared/runtime/printable.ts";
import type { FindAnswer, FoundEvent, Look, Station } from "../../subscriber/dashboard/find_answer.ts";

type Style = "green" | "yellow" | "red" | "dim" | "bold";

const tones: Readonly<Record<FoundEvent["state"], Style>> = {
  ...{ stored: "green", resolved: "green", held: "yellow", replayed: "yellow", dead: "red", dropped: "red" },
};

const places: Readonly<Record<Look["place"], string>> = {
  ...{ events: "Stored events", subscribers: "Subscribers", dead_letters: "Dead letters", queues: "Queues" },
};

const stationWidth = 10;
const placeWidth = 14;

export function drawAnswer({ events, more, verdict, looked }: FindAnswer, { colours }: { colours: boolean }): string {
  // Without a stream: styleText() would read environment variables to inspect one, which this task has no permission
  // for.
  const paint = (text: string, style: Style) => colours ? styleText(style, text, { validateStream: false }) : text;
  const state = events.length === 1 ? tones[events[0]!.state] : events.length === 0 ? "yellow" : "bold";
  return [
    paint(verdict, state),
    ...events.flatMap((event) => ["", ...linesOf(event, paint)]),
    ...more ? ["", paint("More events match; only these are shown.", "yellow")] : [],
    "",
    ...looked.map(({ place, outcome, complete }) => {
      const text = `${places[place].padEnd(placeWidth)}${printable(outcome)}`;
      return paint(text, complete ? "dim" : "yellow");
    }),
  ].join("\n");
}

function linesOf(
  { message_id, sent_id, state, event, stations }: FoundEvent,
  paint: (text: string, style: Style) => string,
) {
  const sent = sent_id === null ? "" : `, sent as ${printable(sent_id)}`;
  return [
    `${paint(message_id, "bold")}${sent}  ${paint(state, tones[state])}`,
    ...event ? [`  ${printable(JSON.stringify(event))}`] : [],
    ...stations.map((station) => `  ${lineOf(station)}`),
  ];
}

/** Pads times to the width of microseconds. */
function lineOf({ station, at, by, detail }: Station): string {
  const when = (at ?? "time unknown").padEnd("2026-11-30T01:02:03.456789Z".length);
  const who = by === null ? "" : `by ${printable(by)}: `;
  return `${station.padEnd(stationWidth)}${when}  ${who}${printable(detail)}`;
}
