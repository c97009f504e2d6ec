import { deepStrictEqual } from "node:assert/strict";
import { isLoopback, placesIn, refusals } from "./hosts.ts";

Deno.test("isLoopback() recognizes this machine's own addresses", () => {
  const hosts = ["127.0.0.1", "127.3.2.1", "localhost", "::1", "[::1]"];
  hosts.push("[::ffff:127.0.0.1]", "::ffff:127.0.0.1", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]");
  deepStrictEqual(hosts.filter((host) => !isLoopback(host)), []);
});

Deno.test("isLoopback() rejects names that look like addresses", () => {
  const hosts = ["0.0.0.0", "10.0.0.1", "127.example.com", "127.0.0.1.example.com", "localhost.example.com", "::", ""];
  hosts.push("[::ffff:10.0.0.1]", "[::2]", "[::]", "::1:80");
  deepStrictEqual(hosts.filter(isLoopback), []);
});

Deno.test("placesIn() finds the hosts of URLs and addresses, with implied ports", () => {
  deepStrictEqual(
    placesIn({
      RABBITMQ_URL: "amqps://guest:secret@rabbit.example/vhost?heartbeat=1",
      REDIS_URL: "redis://[::1]:6380",
      DATABASE_URL: "postgres://casino:secret@db.example/casino?password=secret",
      DEAD_LETTER_RABBITMQ_URL: undefined,
      RATES_API_ADDRESS: "rates.example:50051",
      EVENTS_QUEUE: "casino.events",
      PREFETCH: 5,
    }).map(({ shown, host }) => [shown, host]),
    [
      ["RABBITMQ_URL=amqps://rabbit.example", "rabbit.example:5671"],
      ["REDIS_URL=redis://[::1]:6380", "[::1]:6380"],
      ["DATABASE_URL=postgres://db.example", "db.example:5432"],
      ["RATES_API_ADDRESS=rates.example:50051", "rates.example:50051"],
    ],
  );
});

Deno.test("placesIn() finds the proxy instead of the rates API behind it", () => {
  const config = { RATES_API_ADDRESS: "rates.example:50051", RATES_API_PROXY: "proxy.example:3128" };
  deepStrictEqual(placesIn(config), [{ shown: "RATES_API_PROXY=proxy.example:3128", host: "proxy.example:3128" }]);
});

Deno.test("refusals() names the missing permission for each host, and the flag for all of them", () => {
  const places = [
    { shown: "A_URL=amqp://a.example", host: "a.example:5672" },
    { shown: "B_URL=redis://127.0.0.1", host: "127.0.0.1:6379" },
    { shown: "--http=0.0.0.0:8080", host: "0.0.0.0:8080", listens: true },
    { shown: "C_URL=amqp://a.example", host: "a.example:5672" },
  ];
  deepStrictEqual(refusals(places, (host) => host.startsWith("127.")), [
    "A_URL=amqp://a.example names a host that this process may not connect to: set ALLOW_NET=,a.example:5672,0.0.0.0:8080 and start it again",
    "--http=0.0.0.0:8080 names a host that this process may not listen on: set ALLOW_NET=,a.example:5672,0.0.0.0:8080 and start it again",
    "C_URL=amqp://a.example names a host that this process may not connect to: set ALLOW_NET=,a.example:5672,0.0.0.0:8080 and start it again",
  ]);
  deepStrictEqual(refusals(places), [], "this test may use any");
});
