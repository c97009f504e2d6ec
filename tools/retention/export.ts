/** Rows in a file: CSV with the columns' names, compressed. It has its name once all of it is on the disk. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Session } from "../../shared/postgres/session.ts";

export interface Exported {
  readonly file: string;
  readonly rows: number;
}

/**
 * @param source what COPY takes: a table, or a query in brackets
 * @param name of the file, without an ending
 * @throws what Postgres or the file system says; then no file of the name is there that was not there before
 */
export async function exportRows(sql: Session, source: string, directory: string, name: string): Promise<Exported> {
  const file = join(directory, `${name}.csv.gz`);
  const unfinished = `${file}.unfinished`;
  // A CompressionStream into a Deno.FsFile leaves the end out: Deno 2.9.3.
  const gzip = createGzip();
  const written = pipeline(gzip, createWriteStream(unfinished));
  // It is awaited below: until then, an error must not end the process.
  written.catch(() => {});
  try {
    const rows = await sql.copyOut(`copy ${source} to stdout (format csv, header)`, async (piece) => {
      if (!gzip.write(piece)) await Promise.race([once(gzip, "drain"), written]);
    });
    gzip.end();
    await written;
    await sync(unfinished);
    await Deno.rename(unfinished, file);
    // The first line has the names.
    return { file, rows: rows - 1 };
  } catch (error) {
    gzip.destroy();
    await written.catch(() => {});
    await Deno.remove(unfinished).catch(() => {});
    throw error;
  }
}

async function sync(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true });
  await file.sync();
}
