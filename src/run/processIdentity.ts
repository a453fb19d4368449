import { lstat, readFile } from "node:fs/promises";
import { hostname, uptime } from "node:os";

/** For so long after it was written or touched, the word of a process counts that cannot be asked for. */
const FOREIGN_LIMIT_MS = 60_000;

/** Who holds something in a run directory; a reused pid is not taken for it. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/<pid>/stat. */
  startTicks: number;
  host: string;
  /** Ticks begin anew with each boot of the machine; absent from the engine's lock and from older files. */
  bootId?: string;
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  const [stat, bootId] = await Promise.all([readStat(process.pid), readBootId()]);
  const identity = { pid: process.pid, startTicks: stat?.startTicks ?? 0, host: hostname() };
  return bootId === undefined ? identity : { ...identity, bootId };
}

export function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== "object" || value === null) return false;
  const { pid, startTicks, host, bootId } = value as Record<string, unknown>;
  return (
    Number.isSafeInteger(pid) &&
    // 0 and below are groups of processes to those who send signals.
    (pid as number) > 0 &&
    Number.isSafeInteger(startTicks) &&
    typeof host === "string" &&
    (bootId === undefined || typeof bootId === "string")
  );
}

/** "elsewhere": another machine or container shares the folder; only a sign of life can tell. */
export async function identify(identity: ProcessIdentity): Promise<"alive" | "gone" | "elsewhere"> {
  const sameHost = identity.host === hostname();
  if (process.platform !== "linux") {
    if (!sameHost) return "elsewhere";
    return signalable(identity.pid) ? "alive" : "gone";
  }
  const sameBoot = identity.bootId === (await readBootId());
  if (!sameHost && (identity.bootId === undefined || !sameBoot)) return "elsewhere";
  if (identity.bootId !== undefined && !sameBoot) return "gone";
  if (await isLiving(identity)) return "alive";
  // Another name on the same kernel: this machine was renamed, or it is a container, whose processes cannot be seen.
  return sameHost ? "gone" : "elsewhere";
}

async function isLiving({ pid, startTicks }: ProcessIdentity): Promise<boolean> {
  const stat = await readStat(pid);
  // A zombie has ended; only its parent has not asked for the exit code yet.
  return stat !== undefined && stat.startTicks === startTicks && !"ZXx".includes(stat.state);
}

/** Whether the file shows a sign of life of a process "elsewhere", by the time of its last change. */
export async function wasTouchedLately(file: string): Promise<boolean> {
  return lstat(file).then(
    // A time far ahead would count for ever.
    ({ mtimeMs }) => Math.abs(Date.now() - mtimeMs) < FOREIGN_LIMIT_MS,
    () => false,
  );
}

/** When this machine was started, by its present clock, in milliseconds since 1970. */
export function bootTime(): number {
  return Date.now() - uptime() * 1000;
}

/** Whether one of the words that the process was started with holds `text`. */
export async function wasStartedWith(pid: number, text: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).includes(text);
  } catch {
    return false;
  }
}

async function readBootId(): Promise<string | undefined> {
  try {
    return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  } catch {
    // Not Linux.
    return undefined;
  }
}

async function readStat(pid: number): Promise<{ state: string; startTicks: number } | undefined> {
  try {
    return parseStat(await readFile(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return undefined;
  }
}

/** The second field is the program's name in parentheses and may hold spaces and parentheses itself. */
export function parseStat(text: string): { state: string; startTicks: number } | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  const startTicks = Number(fields[22 - 3]);
  return state === undefined || !Number.isFinite(startTicks) ? undefined : { state, startTicks };
}

function signalable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
