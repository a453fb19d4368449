import { randomBytes } from "node:crypto";
import { mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enclosed } from "./enclosure";
import { type Execution, execute } from "./execute";
import { HARNESS, harnessInput } from "./harness";
import { limits } from "./limits";
import { findPython, type Python } from "./python";
import { SandboxRefused } from "./refused";
import { requireEnclosure } from "./selfTest";

/** What became of a program's tests: `failure` is one line, null where they passed. */
export interface TestResult {
  passed: boolean;
  failure: string | null;
}

export interface SandboxOptions {
  /** Folders that a program must not see; it is tried out. */
  hidden: readonly string[];
  signal?: AbortSignal | undefined;
}

const LONGEST_FAILURE = 200;

/** Runs Python that a model has written, where it can do no harm. */
export class Sandbox {
  private constructor(
    readonly python: Python,
    private readonly root: string,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Tries first whether the machine really encloses a program. Throws SandboxRefused with the reason where it does not. */
  static async open({ hidden, signal }: SandboxOptions): Promise<Sandbox> {
    if (process.platform !== "linux") {
      throw new SandboxRefused("Code is run on Linux alone, where it can be enclosed: the tests were left out.");
    }
    const python = await findPython(signal);
    const sandbox = new Sandbox(python, await mkdtemp(join(tmpdir(), "tunesmith-enclosure-")), signal);
    try {
      await requireEnclosure(python, sandbox.root, hidden, signal);
      return sandbox;
    } catch (error) {
      await sandbox.close();
      throw error;
    }
  }

  /** Whether `test` passes below `code`. */
  async run(code: string, test: string): Promise<TestResult> {
    const token = randomBytes(16).toString("hex");
    const command = enclosed(this.python, this.root, HARNESS);
    const execution = await execute(command, { input: harnessInput(code, test, token), signal: this.signal });
    const passed = execution.exceeded === null && execution.stdout.split("\n").includes(token);
    return { passed, failure: passed ? null : failureOf(execution) };
  }

  async close(): Promise<void> {
    await rmdir(this.root).catch(() => {});
  }
}

function failureOf({ exceeded, stderr, code }: Execution): string {
  if (exceeded === "time") return `ran longer than ${limits.wallSeconds} s`;
  if (exceeded === "output") return `printed more than ${limits.outputBytes / 1024} KB`;
  const last = stderr
    .trim()
    .split("\n")
    .findLast((line) => line.trim() !== "");
  if (last !== undefined) return last.trim().slice(0, LONGEST_FAILURE);
  return code === 0 ? "ended before its tests had passed" : `ended with exit code ${code ?? "none"}`;
}
