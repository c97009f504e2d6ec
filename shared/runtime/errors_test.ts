import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import {
  BatchReadError,
  classifyStoreError,
  describeRefusal,
  explainStoreError,
  isPermanentBrokerError,
  mayMeanOneEvent,
  messageOf,
  SchemaProblem,
} from "./errors.ts";

Deno.test("isPermanentBrokerError() distinguishes permanent errors from transient ones", () => {
  // The messages of RabbitMQ 3.10 and 4.0, through amqplib.
  const words = {
    'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused"': true,
    'Handshake terminated by server: 530 (NOT-ALLOWED) with message "NOT_ALLOWED - vhost none not found"': true,
    "Handshake terminated by server: 530 (NOT-ALLOWED) with message \"NOT_ALLOWED - access to vhost '/' refused for user 'casino': connection limit (10) is reached\"":
      false,
    "Handshake terminated by server: 530 (NOT-ALLOWED) with message \"NOT_ALLOWED - connection refused for user 'casino': user connection limit (2) is reached\"":
      false,
    "Connection closed: 530 (NOT-ALLOWED) with message \"NOT_ALLOWED - number of channels opened for user 'casino' has reached the maximum allowed user limit of (6)\"":
      false,
    "connect ECONNREFUSED 127.0.0.1:5672": false,
  };
  for (const [message, permanent] of Object.entries(words)) {
    strictEqual(isPermanentBrokerError(new Error(message)), permanent, message);
  }
});

Deno.test("messageOf() shortens a message that repeats a long value", () => {
  strictEqual(messageOf(new Error("x".repeat(10 * 1_048_576))).length, 4_097);
});

const withCode = (code: string, more: object = {}) => Object.assign(new Error("words"), { code, ...more });

Deno.test("classifyStoreError() distinguishes an error that one event may cause from a database that is away", () => {
  const away = [
    ...["08006", "25006", "28P01", "3D000", "53300", "57P01", "57P03", "26000", "42P05", "ECONNREFUSED", "EPIPE"],
  ];
  for (const code of away) strictEqual(classifyStoreError(withCode(code)), "away", code);
  const doubtful = [
    "25001",
    "25P02",
    "40P01",
    "40001",
    "53100",
    "53200",
    "53400",
    "55P03",
    "57014",
    "58030",
    "XX001",
    "XX002",
  ];
  for (const code of doubtful) strictEqual(classifyStoreError(withCode(code)), "doubtful", code);
  const refused = ["22003", "22012", "23502", "23505", "23514", "42501", "42P01", "54000", "P0001", "XX000", "AB123"];
  for (const code of refused) strictEqual(classifyStoreError(withCode(code)), "refused", code);
  strictEqual(classifyStoreError(new Error("Connection terminated unexpectedly")), "away");
  strictEqual(classifyStoreError(new SchemaProblem("events.amount is of type numeric")), "away");
  strictEqual(classifyStoreError(new RangeError("Invalid array length")), "refused");
  for (const cause of [withCode("22012"), withCode("57P01"), withCode("57014"), new TypeError("words")]) {
    strictEqual(classifyStoreError(new BatchReadError("player", cause)), classifyStoreError(cause));
  }
  for (const nothing of [undefined, null, "text"]) strictEqual(classifyStoreError(nothing), "away");
});

Deno.test("classifyStoreError() distinguishes a connection error that a statement met from an error of our connection", () => {
  const cases: [string, string, string | undefined, string][] = [
    ["08001", "ERROR", "dblink_get_conn", "doubtful"],
    ["08006", "ERROR", "pgfdw_report_error", "doubtful"],
    ["57P01", "ERROR", "pgfdw_report_error", "doubtful"],
    ["25006", "ERROR", "pgfdw_report_error", "doubtful"],
    ["3D000", "ERROR", "get_database_oid", "doubtful"],
    ["57P01", "FATAL", "ProcessInterrupts", "away"],
    ["57P03", "FATAL", "ProcessStartupPacket", "away"],
    ["28P01", "FATAL", "auth_failed", "away"],
    ["53300", "FATAL", "InitProcess", "away"],
    ["25006", "ERROR", "PreventCommandIfReadOnly", "away"],
    ["26000", "ERROR", "FetchPreparedStatement", "away"],
    ["26000", "ERROR", "exec_bind_message", "away"],
    ["42P05", "ERROR", "StorePreparedStatement", "away"],
    ["08P01", "ERROR", undefined, "away"],
    ["57P01", "ВАЖНО", "ProcessInterrupts", "away"],
  ];
  for (const [code, severity, routine, fault] of cases) {
    const error = withCode(code, { severity, routine });
    strictEqual(classifyStoreError(error), fault, `${severity} ${code} of ${routine}`);
    strictEqual(mayMeanOneEvent(error), false);
  }
});

Deno.test("mayMeanOneEvent() accepts errors that a function raises, and a statement that takes too long alone", () => {
  const raised = { routine: "exec_stmt_raise" };
  for (
    const code of ["08006", "25006", "28000", "40001", "53100", "53300", "53400", "55P03", "57P03", "58030", "XX001"]
  ) {
    const error = withCode(code, raised);
    deepStrictEqual([classifyStoreError(error), mayMeanOneEvent(error)], ["doubtful", true], code);
    strictEqual(mayMeanOneEvent(new BatchReadError("player", error)), true);
    strictEqual(mayMeanOneEvent(withCode(code, { routine: "ProcessInterrupts" })), false, code);
  }
  strictEqual(mayMeanOneEvent(withCode("57014", { routine: "ProcessInterrupts" })), true);
  strictEqual(classifyStoreError(withCode("P0001", raised)), "refused");
});

Deno.test("describeRefusal() adds the details that the message omits, and explainStoreError() the cure", () => {
  strictEqual(describeRefusal(withCode("23505", { detail: "Key (a)=(1) exists." })), "words: Key (a)=(1) exists.");
  strictEqual(describeRefusal(withCode("23514", { constraint: "sane" })), "words (constraint sane)");
  const row = { constraint: "words", detail: "Failing row contains (11, jane@example.com)." };
  strictEqual(describeRefusal(withCode("23514", row)), "words");
  strictEqual(explainStoreError(withCode("42P01")), "words; run `deno task migrate`");
  for (const [code, cure] of [["XX001", "restore"], ["XX002", "reindex"]] as const) {
    match(explainStoreError(withCode(code)), new RegExp(`^words; .*${cure}.*docs/runbook.md`), code);
  }
  strictEqual(explainStoreError(withCode("23514")), "words; create the partition that is missing");
  strictEqual(explainStoreError(withCode("23514", { constraint: "sane" })), "words");
  match(explainStoreError(withCode("23514", { constraint: "events_partition_missing" })), /create the partition/);
  strictEqual(explainStoreError(withCode("22023", { hint: "mend it" })), "words; mend it");
  match(explainStoreError(withCode("25006")), /^words; .* a replica.*promote it, or connect to the primary/);
});
