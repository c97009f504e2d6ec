import { join } from "node:path";
import { messageOf } from "../../../shared/runtime/errors.ts";
import { runProgram } from "../../../tools/run_program.ts";

const packages = "python3-pika python3-protobuf python3-grpcio";

/**
 * Runs a program of foreign/ with Debian's Python.
 * @returns its stdout
 */
export async function runPython(script: string, ...args: string[]): Promise<string> {
  try {
    return await runProgram("/usr/bin/python3", [join(import.meta.dirname!, "foreign", script), ...args]);
  } catch (error) {
    throw new Error(`${script} failed; it needs the packages ${packages}: ${messageOf(error)}`);
  }
}
