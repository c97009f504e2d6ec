/** What a load needs, when each part has machines of its own. */
import * as costs from "./costs.ts";
import { costOf, type Load, mostOfOneSubscriber, usualLoad, walBytes } from "./model.ts";

export interface Need {
  readonly what: string;
  readonly amount: number;
  readonly unit: string;
  /** What it is computed from. */
  readonly from: string;
}

/** What gives way as the load grows while there is one of each, the first to do so first: events/s. */
export interface Limit {
  readonly what: string;
  readonly eventsPerSecond: number;
}

const secondsADay = 86_400;

export function needsOf(eventsPerSecond: number, load: Load = usualLoad): Need[] {
  const { planned, mostOf } = costs;
  const count = (most: number) => Math.ceil(eventsPerSecond / (most * planned));
  const queues = count(mostOf.queue);
  // Each takes from one queue.
  const subscribers = Math.max(queues, count(mostOfOneSubscriber(load)));
  const cost = costOf(load, subscribers / queues);
  const cores = (us: number) => eventsPerSecond * us / 1e6 / planned;
  const megabytes = (bytes: number) => eventsPerSecond * bytes / 1e6;
  const aDay = (bytes: number) => megabytes(bytes) * secondsADay / 1e3;
  return [
    { what: "publishers", amount: count(mostOf.publisher), unit: "", from: "measured: 48,800/s each" },
    { what: "queues", amount: queues, unit: "", from: "measured: 32,600/s in and out of one" },
    { what: "subscribers", amount: subscribers, unit: "", from: "computed: their thread; one a queue" },
    { what: "Postgres primaries", amount: count(mostOf.postgres), unit: "", from: "assumed: 100,000/s each" },
    { what: "cores, publishers", amount: cores(costs.publisherUs), unit: "", from: "measured: 13.4 µs" },
    {
      what: "cores, RabbitMQ (queue leaders)",
      amount: cores(costs.acceptUs + cost.rabbitmq),
      unit: "",
      from: "computed: at most 32 µs",
    },
    { what: "cores, subscribers", amount: cores(cost.subscriber), unit: "", from: "measured: 9.5 to 11.1 µs" },
    { what: "cores, Postgres", amount: cores(cost.postgres), unit: "", from: "measured: 4.4 to 11.8 µs" },
    {
      what: "memory, subscribers",
      amount: subscribers * costs.subscriberMib / 1024,
      unit: "GiB",
      from: "measured: 150 MiB each",
    },
    { what: "connections to Postgres", amount: subscribers * 4, unit: "", from: "2 to store, 2 for HTTP" },
    { what: "connections to RabbitMQ", amount: subscribers * 3, unit: "", from: "events, dead letters, HTTP" },
    { what: "commits", amount: eventsPerSecond / 500, unit: "/s at least", from: "windows of 500 under load" },
    { what: "Postgres's log", amount: megabytes(walBytes(load)), unit: "MB/s", from: "measured: 444 to 525 B" },
    { what: "Postgres's log", amount: aDay(walBytes(load)), unit: "GB a day", from: "the same" },
    { what: "stored events", amount: aDay(costs.rowBytes), unit: "GB a day", from: "measured: 350 B" },
    {
      what: "network, RabbitMQ",
      amount: megabytes(2 * costs.messageBytes) * 8,
      unit: "Mbit/s",
      from: "estimated: 300 B in, 300 out",
    },
    { what: "network, Postgres", amount: megabytes(costs.copiedBytes) * 8, unit: "Mbit/s", from: "estimated: 300 B" },
    { what: "rates API calls, each Redis", amount: 1, unit: "a minute", from: "tested" },
    { what: "the same without Redis", amount: subscribers, unit: "a minute", from: "tested" },
    {
      what: "looks at Redis, peak",
      amount: subscribers * costs.looks.perWorker,
      unit: "/s",
      from: "simulated: 24.5/s each",
    },
  ];
}

export function limitsOf(load: Load = usualLoad): Limit[] {
  return [
    { what: "one queue, in and out (seen; its own limit is unknown)", eventsPerSecond: costs.mostOf.queue },
    { what: "one publisher's thread", eventsPerSecond: costs.mostOf.publisher },
    { what: "one subscriber's thread (computed)", eventsPerSecond: mostOfOneSubscriber(load) },
    { what: "one Postgres's log (assumed)", eventsPerSecond: costs.mostOf.postgres },
  ].sort((a, b) => a.eventsPerSecond - b.eventsPerSecond);
}
