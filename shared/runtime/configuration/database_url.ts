/** The query parameters of DATABASE_URL. Names and values are libpq's. */
import { mustBeKnown, secondsIn } from "./url_parameters.ts";

export interface DatabaseParameters {
  /** The schemas to search for tables. */
  readonly searchPath: string | undefined;
  /** Shown in pg_stat_activity instead of our own name. */
  readonly applicationName: string | undefined;
  /** Connect timeout in ms. */
  readonly connectTimeoutMs: number | undefined;
  /** Whether to reject a read-only server. */
  readonly readWrite: boolean;
}

/** libpq's other values of `sslmode` do not verify the server, or do not always encrypt. */
const sslModes: readonly (string | null)[] = [null, "disable", "verify-full"];
const targets: readonly (string | null)[] = [null, "any", "read-write"];
const longestConnectSeconds = 600;

const known = [
  ...["search_path", "application_name", "connect_timeout", "target_session_attrs"],
  ...["sslmode", "sslrootcert", "sslcert", "sslkey"],
];

/** Returns the URL's parameters. @throws {RangeError} with a message that describes a valid value */
export function databaseParameters(url: URL): DatabaseParameters {
  const { searchParams } = url;
  mustBeKnown(url, known);
  if (!sslModes.includes(searchParams.get("sslmode"))) {
    throw new RangeError("a URL with sslmode=verify-full, or disable: the others do not verify who answers");
  }
  const target = searchParams.get("target_session_attrs");
  if (!targets.includes(target)) throw new RangeError("a URL with target_session_attrs=read-write, or any");
  const seconds = secondsIn(url, "connect_timeout", longestConnectSeconds);
  return {
    searchPath: searchParams.get("search_path") ?? undefined,
    applicationName: searchParams.get("application_name") ?? undefined,
    connectTimeoutMs: seconds === undefined ? undefined : seconds * 1000,
    readWrite: target === "read-write",
  };
}
