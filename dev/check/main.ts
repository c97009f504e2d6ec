/**
 * `deno task check` and `deno task test`: runs the check's jobs, prints the output of each, and a summary. Finds files
 * and processes that tests leave behind, by the TMPDIR that every test process gets.
 */
import { availableParallelism } from "node:os";
import { type Job, selectJobs } from "./jobs.ts";
import { type Result, runJob, summaryOf } from "./run_job.ts";
import { join } from "node:path";
import { down, up } from "../../tools/services/up_and_down.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { ensurePrograms } from "./debian_programs.ts";
import { defaultServers, serversProblem } from "./default_servers.ts";

const loopback = "127.0.0.1,localhost,::1,[::1]";

/**
 * Runs all jobs, even after failures, and ends with the tests' counts.
 * @param before jobs that need no server
 * @param ready resolves when the servers and everything else for the jobs of `after` are available; rejects with the
 * reason otherwise
 * @returns the exit status
 */
async function runCheck(
  { before, after }: { readonly before: readonly Job[]; readonly after: readonly Job[] },
  ready: Promise<void>,
  project: string,
): Promise<number> {
  const folder = await makeTemporaryFolder();
  const env = { NO_COLOR: "1", TMPDIR: folder, ...pastProxies() };
  const results: Result[] = [];
  const total = before.length + after.length;
  const workers = Math.max(1, Number(Deno.env.get("DENO_JOBS")) || availableParallelism());
  async function run(job: Job): Promise<void> {
    console.log(`── ${job.title} begins`);
    const result = await runJob(job, project, env);
    results.push(result);
    console.log(`\n${result.output.trim()}\n── ${lineOf(result)} (${results.length} of ${total})`.replace(/^\n+/, ""));
  }

  let notReady: string | undefined;
  const waited = ready.catch((error: Error) => notReady = error.message);
  await runSideBySide(before, workers, run);
  await waited;
  if (notReady === undefined) await runSideBySide(after, workers, run);
  else console.error(`\n${notReady}`);
  const left = await leftBehind(folder);
  const { text, status } = summaryOf(results, [
    ...notReady === undefined ? [] : [`no test with servers ran: ${notReady}`],
    ...left.length > 0 ? [`left behind: ${left.join(", ")}`] : [],
  ]);
  console.log(`\n${text}`);
  return status;
}

/**
 * Runs jobs in order, several at a time. A job that is `alone` starts when all earlier jobs have ended, and later jobs
 * wait for its end.
 * @param workers number of jobs at a time, at least 1
 * @param run does not reject
 */
export async function runSideBySide<J extends { readonly alone?: boolean }>(
  jobs: readonly J[],
  workers: number,
  run: (job: J) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for (const job of jobs) {
    const limit = job.alone ? 1 : workers;
    while (running.size >= limit) await Promise.race(running);
    const ended = run(job).finally(() => running.delete(ended));
    running.add(ended);
    if (job.alone) await ended;
  }
  await Promise.all(running);
}

function lineOf({ title, verdict, passed, failed, seconds }: Result): string {
  const counts = passed + failed > 0 ? `, ${passed} passed, ${failed} failed,` : "";
  return `${title}: ${verdict}${counts} in ${seconds.toFixed(1)} s`;
}

/** A proxy for the Internet cannot reach the servers of this machine. */
function pastProxies(): Record<string, string> {
  const listed = Deno.env.get("no_proxy") ?? Deno.env.get("NO_PROXY");
  const hosts = listed ? `${listed},${loopback}` : loopback;
  return { no_proxy: hosts, NO_PROXY: hosts };
}

const patienceMs = 5_000;

/** Creates the tests' TMPDIR. Servers that run as other users may also write to it. */
async function makeTemporaryFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "casino-check-" });
  await Deno.chmod(folder, 0o1777);
  return folder;
}

/**
 * Waits for files and processes to go, then stops the servers and removes the files that remain.
 * @param folder the processes' TMPDIR, or the parent of their home
 * @returns a few words for each remaining file or process
 */
async function leftBehind(folder: string): Promise<string[]> {
  const giveUpAt = performance.now() + patienceMs;
  while (true) {
    const left = [...await filesIn(folder), ...await processesOf(folder)];
    if (left.length === 0 || performance.now() > giveUpAt) {
      for (const project of await filesIn(folder)) await down({ project, deleteData: true, say: () => {} });
      await Deno.remove(folder, { recursive: true });
      return left;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function filesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => join(folder, name));
}

/** Finds the processes by their environment, which only Linux exposes. */
async function processesOf(folder: string): Promise<string[]> {
  if (Deno.build.os !== "linux") return [];
  const processes: string[] = [];
  for await (const { name: pid } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === Deno.pid) continue;
    // The process may have ended meanwhile, or belong to another user.
    const [environment, line] = await Promise.all(
      ["environ", "cmdline"].map((file) => Deno.readTextFile(`/proc/${pid}/${file}`).catch(() => "")),
    );
    if (environment?.includes(folder)) {
      processes.push(`process ${pid} (${line?.replaceAll("\0", " ").trim().slice(0, 100)})`);
    }
  }
  return processes;
}

const pinned = "2.9.3";

if (import.meta.main) {
  await runCommand({
    name: "deno task check",
    summary:
      "Checks format, lint, schemas, generated code and types, and runs the unit tests, the integration tests and a\n" +
      "scenario for each promise of the README. The tests need running servers; deno task test starts the servers first.\n" +
      "Runs as many scenarios at a time as there are cores, or DENO_JOBS scenarios.",
    flags: {
      all: {
        help: "run all scenarios, with campaigns, clusters, documents, browser walks, manifests and images",
      },
      only: {
        value: "WORD",
        help: "run only the jobs with WORD in their titles, such as types, tests, faults/killed",
      },
      up: { help: "start the servers first, as deno task up does" },
    },
    settings: [],
    examples: [
      "deno task test",
      "deno task test --all",
      "deno task check --only types",
      "deno task test --only killed",
    ],
  }, async ({ flags }) => {
    if (Deno.version.deno !== pinned) {
      throw new UsageError(
        `This is Deno ${Deno.version.deno}, but the project is pinned to ${pinned}: npx -y deno@${pinned} task check`,
      );
    }
    const project = join(import.meta.dirname!, "../..");
    const jobs = await selectJobs(project, flags);
    if (jobs.before.length + jobs.after.length === 0) throw new UsageError(`--only=${flags.only} matches no title`);
    return await runCheck(jobs, prepare(), project);

    async function prepare(): Promise<void> {
      if (jobs.after.length === 0) return;
      if (flags.up) {
        // The tests connect to the servers at the default addresses only.
        await up({ config: defaultServers, project, say: console.log });
      } else {
        // Once for all tests.
        const problem = await serversProblem();
        if (problem !== undefined) throw new Error(problem);
      }
      const missing = flags.all || flags.only !== undefined ? await ensurePrograms(console.log) : undefined;
      if (missing !== undefined) console.error(missing);
    }
  });
}
