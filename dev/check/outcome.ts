import type { Result } from "./run_job.ts";

/**
 * What the check says when all has run: which jobs failed, with the end of what they said, and the tests' counts as the last
 * line. A job that could not be asked keeps nothing back, but is named: where that is so each time, as with a registry's mirror
 * that has no advisories, nobody has asked at all.
 * @param faults besides, each a sentence
 */
export function summaryOf(
  results: readonly Result[],
  faults: readonly string[] = [],
): { readonly text: string; readonly status: number } {
  const broken = results.filter(({ verdict }) => verdict === "FAILED");
  const notAsked = results.filter(({ verdict }) => verdict === "could not be asked");
  const sum = (count: "passed" | "failed") => results.reduce((total, result) => total + result[count], 0);
  const isWell = broken.length + faults.length === 0;
  const lines = [
    ...broken.map(({ title, output }) => `── ${title} FAILED:\n${failuresIn(output)}\n`),
    ...faults.map((fault) => `── ${fault}`),
    ...broken.length > 0 ? [`Failed: ${broken.map(({ title }) => title).join(", ")}.`] : [],
    ...notAsked.length > 0 ? [`Could not be asked: ${notAsked.map(({ title }) => title).join(", ")}.`] : [],
    ...isWell ? [notAsked.length > 0 ? "All else is well." : "All is well."] : [],
    `${sum("passed")} passed, ${isWell ? 0 : Math.max(sum("failed"), 1)} failed`,
  ];
  return { text: lines.join("\n"), status: isWell ? 0 : 1 };
}

const mostLines = 60;

/** Of a test run what Deno says of the failures, and of another program its last lines. */
function failuresIn(output: string): string {
  const said = output.slice(Math.max(output.indexOf("\n ERRORS \n"), 0)).trim().split("\n");
  return (said.length > mostLines ? [...said.slice(0, mostLines), "…"] : said).join("\n");
}
