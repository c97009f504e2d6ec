import { runSubscriber } from "./member.ts";

await runSubscriber();
