import { spawn } from "node:child_process";
import { environment } from "./enclosure";
import { limits } from "./limits";

export interface Execution {
  /** What it has written to standard output and error, in that order; at most as much as the limit allows. */
  stdout: string;
  stderr: string;
  /** Null: it was killed. */
  code: number | null;
  /** Which of the limits that are kept from outside has ended it. */
  exceeded: "time" | "output" | null;
}

export interface ExecuteOptions {
  /** All of standard input. */
  input: Buffer;
  signal?: AbortSignal | undefined;
  wallSeconds?: number;
}

/** Runs an enclosed command and kills whatever of it is left at the end. Throws where it cannot be started. */
export async function execute(command: readonly string[], options: ExecuteOptions): Promise<Execution> {
  const { input, signal, wallSeconds = limits.wallSeconds } = options;
  signal?.throwIfAborted();
  const [program, ...args] = command;
  // A group of its own, to be killed as a whole.
  const child = spawn(program!, args, { cwd: "/", env: environment, detached: true, stdio: "pipe" });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let bytes = 0;
  let exceeded: Execution["exceeded"] = null;
  const kill = (reason: Execution["exceeded"]) => {
    exceeded ??= reason;
    killGroup(child.pid);
  };
  const take = (stream: "stdout" | "stderr") => (chunk: Buffer) => {
    const room = limits.outputBytes - bytes;
    bytes += chunk.length;
    if (room > 0) output[stream].push(chunk.subarray(0, room));
    if (bytes > limits.outputBytes) kill("output");
  };
  child.stdout.on("data", take("stdout"));
  child.stderr.on("data", take("stderr"));
  // It may end without having read everything.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const timer = setTimeout(() => kill("time"), wallSeconds * 1000);
  const cancel = () => kill(null);
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    signal?.throwIfAborted();
    const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString("utf8");
    return { stdout: text(output.stdout), stderr: text(output.stderr), code, exceeded };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
    killGroup(child.pid);
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}
