/** TLS for connections that were accepted elsewhere. */
import "../../../shared/runtime/deno_workarounds/without_env.ts";
import { Duplex } from "node:stream";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { readTlsFiles, type TlsFiles, type TlsMaterial } from "../../../shared/runtime/tls.ts";

const beneath = new WeakMap<object, object>();

/** What the encrypted connection runs over; itself if it is none. */
export function beneathTls(socket: object): object {
  return beneath.get(socket) ?? socket;
}

/**
 * Encrypts connections with the files as they are when each begins: a new certificate needs no restart, and one that
 * cannot be used leaves the last one in use.
 * @throws {Error} when the files cannot be used now
 */
export function serverTls(files: TlsFiles): (socket: Duplex) => Duplex {
  let material = pairOf(files);
  let context = createSecureContext({ ...material, minVersion: "TLSv1.2" });
  return (socket) => {
    const encrypted = new TLSSocket(socket as never, { isServer: true, secureContext: current() });
    beneath.set(encrypted, socket);
    // A client that speaks no TLS, or has gone.
    encrypted.on("error", () => socket.destroy());
    encrypted.on("close", () => socket.destroy());
    return encrypted;
  };

  function current(): SecureContext {
    try {
      const found = pairOf(files);
      if (found.cert !== material.cert || found.key !== material.key) {
        context = createSecureContext({ ...found, minVersion: "TLSv1.2" });
        material = found;
      }
    } catch { /* The last ones stay. */ }
    return context;
  }
}

/** Whoever looks needs no certificate: the CA is for the servers that we connect to. */
function pairOf({ cert, key }: TlsFiles): TlsMaterial {
  return readTlsFiles({ cert, key });
}
