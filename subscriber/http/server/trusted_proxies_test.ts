import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { plainAddress, TrustedProxies } from "./trusted_proxies.ts";

const proxies = new TrustedProxies(["10.0.0.0/8", "192.0.2.7", "fd00::/8"]);
const peerAt = (address: string) => ({ address, local: "10.0.0.1", secure: false });
const callerOf = (peer: string, forwardedFor?: string) =>
  proxies.callerOf(peerAt(peer), new Headers(forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor }))
    .address;

Deno.test("TrustedProxies believes only trusted proxies", () => {
  strictEqual(callerOf("10.1.2.3", "203.0.113.9"), "203.0.113.9");
  strictEqual(callerOf("fd00::1", "2001:db8::9"), "2001:db8::9");
  strictEqual(callerOf("192.0.2.7", "::ffff:203.0.113.9"), "203.0.113.9");
  strictEqual(callerOf("192.0.2.8", "203.0.113.9"), "192.0.2.8");
  strictEqual(
    new TrustedProxies().callerOf(peerAt("127.0.0.1"), new Headers({ "x-forwarded-for": "203.0.113.9" })).address,
    "127.0.0.1",
  );
});

Deno.test("TrustedProxies uses the last untrusted address, because clients can invent earlier ones", () => {
  strictEqual(callerOf("10.1.2.3", "198.51.100.1, 203.0.113.9, 10.9.9.9"), "203.0.113.9");
  strictEqual(callerOf("10.1.2.3", "10.4.4.4"), "10.4.4.4");
});

Deno.test("TrustedProxies keeps the proxy's address when the header names none", () => {
  deepStrictEqual(
    [undefined, "", "unknown", "203.0.113.9, unknown", "203.0.113.9:443"].map((text) => callerOf("10.1.2.3", text)),
    new Array(5).fill("10.1.2.3"),
  );
});

Deno.test("TrustedProxies accepts only a trusted proxy's word that TLS is used", () => {
  const headers = new Headers({ "x-forwarded-proto": "https" });
  const secure = (peer: string) => proxies.callerOf(peerAt(peer), headers).secure;
  deepStrictEqual([secure("10.1.2.3"), secure("192.0.2.8")], [true, false]);
});

Deno.test("plainAddress() shows an IPv4 address as such, and keeps IPv6", () => {
  deepStrictEqual(["::ffff:127.0.0.1", "::1", "127.0.0.1", "::ffff:7f00:1"].map(plainAddress), [
    ...["127.0.0.1", "::1", "127.0.0.1", "::ffff:7f00:1"],
  ]);
});
