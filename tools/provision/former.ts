/** Queues and exchanges that 0.1.0 declared under shared names, and those of them that can be removed. */
import type { ChannelModel } from "amqplib";
import { UsageError } from "../../shared/runtime/configuration/command.ts";
import { hasOwnQueueName, onChannel, type TopologyConfig } from "../../shared/rabbitmq/topology.ts";

export interface Former {
  /** In the order in which they run empty: delayed events return to the last queue. */
  readonly queues: readonly string[];
  readonly exchanges: readonly string[];
  /** Exchanges that nothing needs once the queues are gone. */
  readonly removable: readonly string[];
}

/**
 * Returns the names of 0.1.0 under these settings that this version does not use.
 * @param delaysMs its RETRY_DELAYS_MS
 */
export function formerTopology(config: TopologyConfig, delaysMs: readonly number[]): Former {
  const { EVENTS_EXCHANGE, EVENTS_QUEUE, DEAD_LETTER_QUEUE } = config;
  const moved = hasOwnQueueName(config);
  const delays = delaysMs.map((ms) => `${moved ? EVENTS_EXCHANGE : EVENTS_QUEUE}.delay-${ms}`);
  return {
    queues: moved ? [...delays, EVENTS_EXCHANGE] : delays,
    exchanges: [...delays, DEAD_LETTER_QUEUE],
    // A queue that keeps its name keeps its dead letter exchange, for messages that the broker itself dead-letters.
    removable: moved ? [...delays, DEAD_LETTER_QUEUE] : delays,
  };
}

/** The flag of commands that handle the queues of 0.1.0. */
export const formerDelays = { value: "MS,…", help: "RETRY_DELAYS_MS of 0.1.0, which names its delay queues" };

/** @throws {UsageError} */
export function parseDelays(text = ""): number[] {
  const parts = text === "" ? [] : text.split(",").map((part) => part.trim());
  const wrong = parts.find((part) => !/^[1-9]\d{1,7}$/.test(part));
  if (wrong !== undefined) {
    throw new UsageError(
      `--former-delays: "${wrong.slice(0, 60)}" must be a whole number of milliseconds, from 10 to 99999999`,
    );
  }
  return parts.map(Number);
}

/** @returns a sentence for each remaining queue of 0.1.0, with the reason why it remains */
export async function formerQueues(connection: ChannelModel, { queues }: Former): Promise<string[]> {
  const said: string[] = [];
  for (const name of queues) {
    const state = await stateOf(connection, name);
    if (state) said.push(`The queue ${name} of an earlier version still exists: ${told(state)}.`);
  }
  return said;
}

/**
 * Deletes the queues that are empty and have no consumers; once none is left, also the exchanges. The broker does not
 * support "if empty" for quorum queues, but nothing publishes to these queues any more.
 * @returns sentences about each step, and whether nothing is left
 */
export async function removeFormer(
  connection: ChannelModel,
  { queues, removable }: Former,
): Promise<{ readonly said: readonly string[]; readonly done: boolean }> {
  const said: string[] = [];
  for (const name of queues) {
    const state = await stateOf(connection, name);
    if (!state) continue;
    if (state.messageCount > 0 || state.consumerCount > 0) {
      // This queue may dead-letter its events to a later queue, so stop here.
      return {
        said: [
          ...said,
          `The queue ${name} of an earlier version is in use: ${
            told(state)
          }. Run the command again once it is unused and empty.`,
        ],
        done: false,
      };
    }
    await onChannel(connection, (channel) => channel.deleteQueue(name));
    said.push(`Deleted the empty queue ${name} of an earlier version.`);
  }
  for (const name of removable) await onChannel(connection, (channel) => channel.deleteExchange(name));
  return { said, done: true };
}

/** @returns `undefined` if there is no such queue */
export async function stateOf(connection: ChannelModel, name: string) {
  try {
    return await onChannel(connection, (channel) => channel.checkQueue(name));
  } catch (error) {
    if ((error as { code?: number }).code === 404) return undefined;
    throw error;
  }
}

export function told({ messageCount, consumerCount }: { messageCount: number; consumerCount: number }): string {
  return `messages ${messageCount}, consumers ${consumerCount}`;
}
