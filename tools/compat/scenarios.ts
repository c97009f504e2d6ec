/** Which scenarios say something of the servers. */

/** By what they use of the harness: members on the usual servers, servers of their own, or a document to follow. */
const ofServers =
  /\b(?:withWorld|withBatch|PrivateWorld|PrivateServers|EncryptedServers|Checkout|follow)\b|servers\/servers\.ts/;
/** A browser is large, and sees of the servers what the scenarios of HTTP see. */
const ofBrowser = /\/browser\.ts/;

/** @param source of a scenario */
export function takesServers(source: string): boolean {
  return ofServers.test(source) && !ofBrowser.test(source);
}
