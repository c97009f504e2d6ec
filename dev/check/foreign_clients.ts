/** The clients in another language that scenarios use: Python's, from the system's packages. */
import { aptInstall } from "../../tools/services/packages.ts";

const modules = "import pika, google.protobuf, grpc";
export const packages = ["python3-pika", "python3-protobuf", "python3-grpcio"];

/** Installs them where we may. @returns what to run where we may not */
export async function ensureForeignClients(): Promise<string | undefined> {
  if (await areThere()) return undefined;
  if (Deno.uid() === 0 && await Deno.stat("/usr/bin/apt-get").then(() => true, () => false)) {
    await aptInstall(packages, console.log);
    if (await areThere()) return undefined;
  }
  return `The scenarios with foreign clients need these packages: sudo apt-get install -y ${packages.join(" ")}`;
}

async function areThere(): Promise<boolean> {
  try {
    return (await new Deno.Command("/usr/bin/python3", { args: ["-c", modules], stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}
