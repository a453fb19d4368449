import { setTimeout as sleep } from "node:timers/promises";
import { HubError } from "./hubError";

export type Wait = (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;

export const realWait: Wait = async (milliseconds, signal) => {
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
};

/** How to wait, what ends it, and who is told. */
export interface Retry {
  wait: Wait;
  signal: AbortSignal | undefined;
  /** Before each wait: what has failed, and in how many milliseconds it is tried again. */
  onWait?: ((error: HubError, milliseconds: number) => void) | undefined;
}

export interface RetryOptions extends Retry {
  /** How many attempts in a row may fail without progress. */
  attempts: number;
  /** A number that grows with what is achieved: an attempt that got further counts as a success. */
  progress?(): number;
}

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;
/** A server that asks for more is not waited for. */
const LONGEST_ASKED_MS = 5 * 60_000;

/** Repeats what failed with a transient HubError, ever more slowly, or when the server says. */
export async function withRetries<Result>(attempt: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  const { attempts, progress = () => 0, wait, signal, onWait } = options;
  let failures = 0;
  for (;;) {
    const before = progress();
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof HubError) || error.kind !== "transient") throw error;
      failures = progress() > before ? 1 : failures + 1;
      const asked = error.retryAfterMs ?? 0;
      if (failures >= attempts || asked > LONGEST_ASKED_MS) throw error;
      const milliseconds = Math.max(asked, delay(failures));
      onWait?.(error, milliseconds);
      await wait(milliseconds, signal);
    }
  }
}

/** Doubles with each failure; the random part keeps many clients from coming back at the same moment. */
function delay(failures: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
}

/** Retry-After in milliseconds: seconds or a date; null where it says neither. */
export function retryAfterMs(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
