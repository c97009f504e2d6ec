/** Members may read what is in the project; what tests make for them is elsewhere. */
import { tmpdir } from "node:os";

/** A user's way to let a member read a file outside of the project. */
export const readsTemporaryFiles = { ALLOW_READ: `,${tmpdir()}` } as const;
