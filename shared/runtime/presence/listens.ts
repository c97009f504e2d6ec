import { connect } from "node:net";

/** A proxy accepts connections for a server that is away, and closes them at once (ms). */
const quietMs = 50;
const connectTimeoutMs = 1_000;

/** Whether a server accepts a connection at the URL's host and port, and does not close it at once. Sends nothing. */
export function listensAt(url: string, usualPort: number): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || usualPort) });
    let timer = setTimeout(() => end(false), connectTimeoutMs);
    const end = (is: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(is);
    };
    socket.on("connect", () => {
      clearTimeout(timer);
      timer = setTimeout(() => end(true), quietMs);
    });
    for (const event of ["close", "end", "error"]) socket.on(event, () => end(false));
  });
}
