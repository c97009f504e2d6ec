/** TLS for accepted connections. */
import "../../../shared/runtime/deno_workarounds/without_env.ts";
import { Duplex } from "node:stream";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { readTlsFiles, type TlsFiles, type TlsMaterial } from "../../../shared/runtime/tls.ts";

const beneath = new WeakMap<object, object>();

/** Returns the socket below an encrypted one; a plain socket itself. */
export function beneathTls(socket: object): object {
  return beneath.get(socket) ?? socket;
}

/**
 * Returns a function that encrypts connections. It reads the files for each connection, so that a new certificate needs
 * no restart. While the files are unusable, the last certificate stays in use.
 * @throws {Error} when the files are unusable at the start
 */
export function serverTls(files: TlsFiles): (socket: Duplex) => Duplex {
  let material = pairOf(files);
  let context = createSecureContext({ ...material, minVersion: "TLSv1.2" });
  return (socket) => {
    const encrypted = new TLSSocket(socket as never, { isServer: true, secureContext: current() });
    beneath.set(encrypted, socket);
    // The client does not speak TLS, or is gone.
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
    } catch { /* The last certificate stays in use. */ }
    return context;
  }
}

/**
 * Reads certificate and key without the CA: clients need no certificate, and the CA is for servers that we connect to.
 */
function pairOf({ cert, key }: TlsFiles): TlsMaterial {
  return readTlsFiles({ cert, key });
}
