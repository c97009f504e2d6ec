/**
 * Under Deno, a TLS socket whose peer rejects our certificate may emit two errors: one for the peer's alert, and one
 * for the next write. Clients listen once, so the second error would end the process. This module adds one more
 * listener per socket, which does nothing. It does not affect the clients' listeners.
 *
 * Report: none known. Seen with Deno 2.9.3.
 * Remove it when tests/scenarios/security/tls_scenario.ts passes without it, ten times in a row.
 */
import tls from "node:tls";

const { connect } = tls;

tls.connect = ((...args: Parameters<typeof connect>) => connect(...args).on("error", () => {})) as typeof connect;
