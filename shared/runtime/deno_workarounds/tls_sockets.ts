/**
 * Under Deno a TLS socket whose peer refuses our certificate may fail twice: by the peer's alert, and by a write that comes
 * after it. Clients listen for the first only, and the second would end the process. So each socket has one listener more,
 * which does nothing; those of the clients still hear what they heard before.
 */
import tls from "node:tls";

const { connect } = tls;

tls.connect = ((...args: Parameters<typeof connect>) => connect(...args).on("error", () => {})) as typeof connect;
