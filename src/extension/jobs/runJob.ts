import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { JobMessage } from "../../protocol/job";
import { parseJobMessage } from "./jobMessage";

export class JobCancelled extends Error {
  override name = "JobCancelled";
}

export interface JobOptions {
  /** The extension's folder; the CLI lies in its dist/. */
  extensionPath: string;
  /** Words after `tunesmith`; `--progress json` is added. */
  args: readonly string[];
  /** Variables beside those of the extension host, such as secrets, which arguments would show to everyone. */
  environment?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  onProgress?(stage: string, fraction: number | null, detail?: string): void;
  onProblem?(problem: Extract<JobMessage, { type: "problem" }>): void;
  onPartial?(value: unknown): void;
}

/** How long a cancelled job may take to tidy up. */
const GRACE_MS = 5000;
const STDERR_TAIL = 4096;

/**
 * Runs one command of the CLI in a process of its own and resolves with its result. Throws the job's own sentence where
 * it failed, JobCancelled where `signal` ended it.
 */
export async function runJob(options: JobOptions): Promise<unknown> {
  const { extensionPath, args, signal } = options;
  if (signal?.aborted) throw new JobCancelled();
  const child = spawn(process.execPath, [join(extensionPath, "dist", "cli.js"), ...args, "--progress", "json"], {
    env: { ...process.env, ...options.environment, ELECTRON_RUN_AS_NODE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let late: NodeJS.Timeout | undefined;
  const cancel = () => {
    child.kill("SIGTERM");
    late = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  };
  signal?.addEventListener("abort", cancel, { once: true });
  let result: { value: unknown } | undefined;
  let failure: string | undefined;
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-STDERR_TAIL);
  });
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    const message = parseJobMessage(line);
    switch (message?.type) {
      case "progress":
        options.onProgress?.(message.stage, message.fraction, message.detail);
        return;
      case "problem":
        options.onProblem?.(message);
        return;
      case "partial":
        options.onPartial?.(message.value);
        return;
      case "result":
        result = { value: message.value };
        return;
      case "error":
        failure = message.message;
        return;
    }
  });
  const drained = new Promise<void>((resolve) => lines.once("close", resolve));
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    await drained;
    if (signal?.aborted) throw new JobCancelled();
    // A data set in which no row can be used has a result and a bad exit code.
    if (failure === undefined && result !== undefined) return result.value;
    throw new Error(failure ?? lastLine(stderr) ?? `tunesmith ${args[0]} ended with exit code ${code}.`);
  } finally {
    clearTimeout(late);
    signal?.removeEventListener("abort", cancel);
  }
}

function lastLine(text: string): string | undefined {
  return text
    .split("\n")
    .findLast((line) => line.trim() !== "")
    ?.trim();
}
