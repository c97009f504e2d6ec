import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { splitTls, usesTls, withTlsFiles } from "./tls.ts";

const files = { ca: "/tls/ca.pem", cert: "/tls/tls.crt", key: "/tls/tls.key" };

Deno.test("usesTls() checks the scheme, and sslmode for Postgres", () => {
  const encrypted = [
    "amqps://h",
    "rediss://h",
    "postgres://h/d?sslmode=verify-full",
    "postgresql://h?sslmode=verify-full",
  ];
  const plain = ["amqp://h", "redis://h", "postgres://h/d", "postgres://h/d?sslmode=disable"];
  deepStrictEqual(encrypted.filter((url) => !usesTls(new URL(url))), []);
  deepStrictEqual(plain.filter((url) => usesTls(new URL(url))), []);
});

Deno.test("withTlsFiles() names the files as RabbitMQ and libpq do, unless the URL names its own", () => {
  strictEqual(
    withTlsFiles("amqps://u:p%40@h:5671/v?heartbeat=5", files),
    "amqps://u:p%40@h:5671/v?heartbeat=5&cacertfile=%2Ftls%2Fca.pem&certfile=%2Ftls%2Ftls.crt&keyfile=%2Ftls%2Ftls.key",
  );
  strictEqual(
    withTlsFiles("postgres://h/d?sslmode=verify-full&sslrootcert=%2Fmine.pem", { ca: files.ca }),
    "postgres://h/d?sslmode=verify-full&sslrootcert=%2Fmine.pem",
  );
  strictEqual(
    withTlsFiles("postgres://h/d?sslmode=verify-full", { ca: files.ca }),
    "postgres://h/d?sslmode=verify-full&sslrootcert=%2Ftls%2Fca.pem",
  );
});

Deno.test("withTlsFiles() changes no URL without TLS", () => {
  for (const url of ["amqp://h", "redis://:p@h/1", "postgres://h/d?search_path=a,b"]) {
    strictEqual(withTlsFiles(url, files), url);
  }
});

Deno.test("splitTls() removes the parameters that clients would misread", () => {
  const { url, tls } = splitTls("postgres://h/d?search_path=a&sslmode=verify-full");
  deepStrictEqual([url.href, tls], ["postgres://h/d?search_path=a", {}]);
  deepStrictEqual(splitTls("postgres://h/d?sslmode=disable&sslrootcert=x").tls, undefined);
  strictEqual(splitTls("redis://h/1?cacertfile=x").url.href, "redis://h/1");
});
