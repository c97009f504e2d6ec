/** What an error of Postgres says of the connection that it came over, and of the login that was to open one. */
// @ts-types="@types/pg"
import pg from "pg";
import { messageOf, PermanentError } from "../runtime/errors.ts";

/** Postgres refuses the login: at the start, no retry cures that. */
export class LoginRefused extends PermanentError {
  override readonly name = "LoginRefused";

  /** @param code the SQLSTATE */
  constructor(message: string, readonly code: string | undefined) {
    super(message);
  }
}

/**
 * Errors that say nothing of the session, nor of the server: SQLSTATE classes 22 (data exception), 23 (integrity constraint
 * violation), 40 (transaction rollback), P0 (what a function raises); a time that was over (57014, 55P03).
 */
const ofTheStatement = /^(22|23|40|P0|57014|55P03)/;

/**
 * Whether the connection may be used again. After anything else a fresh one may do better: the server may be read-only by now
 * while another takes the writes (25006), a prepared statement's plan may be of no use any more (0A000), the role's rights or
 * its search path may have changed, or the connection is lost.
 */
export function leavesSoundConnection(error: unknown): boolean {
  return error instanceof pg.DatabaseError && ofTheStatement.test(error.code ?? "");
}

/** Class 28 (invalid authorization), an unknown database, no right to connect to it. */
const refusals = /^(28...|3D000|42501)$/;
/** PgBouncer has one SQLSTATE, 08P01, for what is refused and for what passes. */
const poolersRefusals =
  /authentication failed|auth failed|^no such (database|user)|^database ".*" does not exist|^unsupported startup parameter/;

/** A refused login as {@linkcode LoginRefused}, which names the variable; any other error as it is. */
export function explainRefusal(error: unknown, host: string): unknown {
  if (!(error instanceof pg.DatabaseError)) return error;
  const { code = "" } = error;
  if (!refusals.test(code) && !(code === "08P01" && poolersRefusals.test(error.message))) return error;
  return new LoginRefused(`Postgres at ${host} refuses the login that DATABASE_URL has: ${messageOf(error)}`, code);
}
