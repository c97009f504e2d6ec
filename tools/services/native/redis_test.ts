import { doesNotMatch, match, strictEqual } from "node:assert/strict";
import { redisConfig } from "./redis.ts";

Deno.test("redisConfig() listens where the URL says, and keeps nothing", () => {
  strictEqual(
    redisConfig(new URL("redis://127.0.0.1:6400")),
    'bind 127.0.0.1\nport 6400\nsave ""\nappendonly no\n',
  );
});

Deno.test("redisConfig() holds the password's hash, not the password", () => {
  const config = redisConfig(new URL("redis://:open%20sesame@127.0.0.1:6400"));
  // printf 'open sesame' | sha256sum
  match(config, /^user default on #41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb ~\* &\* \+@all$/m);
  doesNotMatch(config, /sesame/);
});

Deno.test("redisConfig() closes the default user when the URL names another", () => {
  const config = redisConfig(new URL("redis://ali:sesame@127.0.0.1:6400"));
  match(config, /^user default off$/m);
  match(config, /^user ali on #[0-9a-f]{64} /m);
});
