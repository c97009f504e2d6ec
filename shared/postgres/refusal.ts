/** Classifies Postgres errors: whether the connection can be reused, and whether the login was rejected. */
// @ts-types="@types/pg"
import pg from "pg";
import { messageOf, PermanentError } from "../runtime/errors.ts";

/** Postgres rejects the login. At startup, a retry does not help. */
export class LoginRefused extends PermanentError {
  override readonly name = "LoginRefused";

  /** @param code the SQLSTATE */
  constructor(message: string, readonly code: string | undefined) {
    super(message);
  }
}

/**
 * Errors of a statement, not of the session or server: SQLSTATE classes 22 (data exception), 23 (integrity constraint
 * violation), 40 (transaction rollback) and P0 (raised by a function), and timeouts (57014, 55P03).
 */
const ofTheStatement = /^(22|23|40|P0|57014|55P03)/;

/**
 * Returns whether the connection can be reused. After any other error a new connection may work better: the server may
 * have become read-only after a failover (25006), a prepared statement's plan may be invalid (0A000), the role's rights
 * or search path may have changed, or the connection is lost.
 */
export function leavesSoundConnection(error: unknown): boolean {
  return error instanceof pg.DatabaseError && ofTheStatement.test(error.code ?? "");
}

/** Class 28 (invalid authorization), unknown database, no right to connect to the database. */
const refusals = /^(28...|3D000|42501)$/;
/** PgBouncer uses one SQLSTATE, 08P01, for both rejected logins and temporary problems; only the message differs. */
const poolersRefusals =
  /authentication failed|auth failed|^no such (database|user)|^database ".*" does not exist|^unsupported startup parameter/;

/** Returns a {@linkcode LoginRefused} that names DATABASE_URL for a rejected login; any other error unchanged. */
export function explainRefusal(error: unknown, host: string): unknown {
  if (!(error instanceof pg.DatabaseError)) return error;
  const { code = "" } = error;
  if (!refusals.test(code) && !(code === "08P01" && poolersRefusals.test(error.message))) return error;
  return new LoginRefused(`Postgres at ${host} refuses the login that DATABASE_URL has: ${messageOf(error)}`, code);
}
