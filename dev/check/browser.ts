/** The browser that scenarios drive: Debian's Chromium, from the system's packages. */
import { aptInstall } from "../../tools/services/packages.ts";

export const chromium = "/usr/bin/chromium";
/** The font is for the pictures in docs/. */
const packages = ["chromium", "fonts-inter"];

/** Installs it where we may. @returns what to run where we may not */
export async function ensureBrowser(): Promise<string | undefined> {
  if (await isThere()) return undefined;
  if (Deno.uid() === 0 && await Deno.stat("/usr/bin/apt-get").then(() => true, () => false)) {
    await aptInstall(packages, console.log);
    if (await isThere()) return undefined;
  }
  return whatToInstall;
}

export const whatToInstall = `The scenarios with a browser need ${chromium}: sudo apt-get install -y ${
  packages.join(" ")
}`;

export async function isThere(): Promise<boolean> {
  return (await Deno.stat(chromium).catch(() => undefined))?.isFile ?? false;
}
