/** The project's migrations as static imports, which need no read permission: for tests and the demo. */
import type { Catalogue } from "./transaction.ts";

export const catalogue: Catalogue = new Map([
  ["20261123000000_create_players.ts", () => import("../../migrations/20261123000000_create_players.ts")],
  ["20261123000100_seed_players.ts", () => import("../../migrations/20261123000100_seed_players.ts")],
  ["20261123000200_create_events.ts", () => import("../../migrations/20261123000200_create_events.ts")],
  ["20261123000300_create_totals.ts", () => import("../../migrations/20261123000300_create_totals.ts")],
  ["20261124000000_create_player_leaders.ts", () => import("../../migrations/20261124000000_create_player_leaders.ts")],
  ["20261129200000_create_dead_letters.ts", () => import("../../migrations/20261129200000_create_dead_letters.ts")],
  ["20261130010000_add_sent_ids.ts", () => import("../../migrations/20261130010000_add_sent_ids.ts")],
  ["20261130011000_resolve_dead_letters.ts", () => import("../../migrations/20261130011000_resolve_dead_letters.ts")],
  ["20261130020000_create_acts.ts", () => import("../../migrations/20261130020000_create_acts.ts")],
  ["20261130021000_edit_dead_letters.ts", () => import("../../migrations/20261130021000_edit_dead_letters.ts")],
  ["20261130030000_create_jobs.ts", () => import("../../migrations/20261130030000_create_jobs.ts")],
  [
    "20261130040000_take_dead_letter_groups.ts",
    () => import("../../migrations/20261130040000_take_dead_letter_groups.ts"),
  ],
  ["20261130100000_find_events.ts", () => import("../../migrations/20261130100000_find_events.ts")],
  ["20261130110000_remove_old_letters.ts", () => import("../../migrations/20261130110000_remove_old_letters.ts")],
  ["20261130120000_partition_events.ts", () => import("../../migrations/20261130120000_partition_events.ts")],
  ["20261130200000_create_history.ts", () => import("../../migrations/20261130200000_create_history.ts")],
  ["20261130210000_add_latencies.ts", () => import("../../migrations/20261130210000_add_latencies.ts")],
  ["20261130220000_create_batch_totals.ts", () => import("../../migrations/20261130220000_create_batch_totals.ts")],
  [
    "20261130230000_index_retention_runs.ts",
    () => import("../../migrations/20261130230000_index_retention_runs.ts"),
  ],
]);
