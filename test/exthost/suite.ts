/** A list of tests that runs inside the extension host, one after the other, and writes what came of each. */
import { writeFileSync } from "node:fs";

/** Set when the tests are bundled. */
declare const RESULTS_FILE: string;

interface Result {
  name: string;
  error?: string;
  /** Said beside the test's name; nothing depends on it. */
  note?: string;
}

type Test = { name: string; work: () => Promise<unknown> };

export function createSuite() {
  const tests: Test[] = [];
  return {
    /** A string that the test returns is shown beside its name. */
    add(name: string, work: () => Promise<unknown>) {
      tests.push({ name, work });
    },
    async run(): Promise<void> {
      const results: Result[] = [];
      for (const { name, work } of tests) {
        try {
          const note = await work();
          results.push(typeof note === "string" ? { name, note } : { name });
        } catch (error) {
          results.push({ name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
        }
        // Written each time, so that a host that ends in the middle has said how far it came.
        writeFileSync(RESULTS_FILE, JSON.stringify(results));
      }
    },
  };
}

/** Waits until `look` gives something that `enough` accepts. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  enough: (value: T) => boolean,
  milliseconds = 20_000,
): Promise<T> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const value = await look();
    if (enough(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`${what}: still ${JSON.stringify(value)} after ${milliseconds / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
