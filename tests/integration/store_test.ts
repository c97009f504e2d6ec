import { systemClock } from "../../shared/runtime/clock.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { withTestSchema } from "../servers/test_schema.ts";
import { testStore } from "../conformance/store.ts";

testStore({
  name: "Postgres",
  async withDatabase(use) {
    await withTestSchema(async (_, url) => {
      const pool = new DatabasePool(url, { name: "casino-test", max: 4, timeoutMs: 10_000, clock: systemClock });
      await use(pool).finally(() => pool.close());
    });
  },
});
