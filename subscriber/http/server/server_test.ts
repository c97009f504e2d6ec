import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { formatAddress, parseAddress } from "./server.ts";

Deno.test("parseAddress() reads names, IPv4, IPv6 and off", () => {
  deepStrictEqual(parseAddress("http", "127.0.0.1:8080"), { hostname: "127.0.0.1", port: 8080 });
  deepStrictEqual(parseAddress("http", "host-1.example:0"), { hostname: "host-1.example", port: 0 });
  deepStrictEqual(parseAddress("http", "[::1]:80"), { hostname: "::1", port: 80 });
  strictEqual(parseAddress("http", "off"), undefined);
});

Deno.test("parseAddress() names the flag, the value and a valid example", () => {
  for (const text of ["8080", ":8080", "host:", "host:65536", "http://host:1", "::1:80", "OFF", ""]) {
    throws(() => parseAddress("http", text), {
      message: `--http=${text} must be HOST:PORT, such as 127.0.0.1:8080, or off`,
    });
  }
});

Deno.test("formatAddress() reverses parseAddress()", () => {
  for (const text of ["127.0.0.1:8080", "[::1]:80", "host:1"]) {
    strictEqual(formatAddress(parseAddress("http", text)!), text);
  }
});
