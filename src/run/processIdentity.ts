import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

/** Who holds something in a run directory; a reused pid is not taken for it. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/<pid>/stat. */
  startTicks: number;
  host: string;
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  const stat = await readStat(process.pid);
  return { pid: process.pid, startTicks: stat?.startTicks ?? 0, host: hostname() };
}

/** "elsewhere": another machine shares the folder; only a heartbeat can tell. */
export async function identify(identity: ProcessIdentity): Promise<"alive" | "gone" | "elsewhere"> {
  if (identity.host !== hostname()) return "elsewhere";
  if (process.platform !== "linux") return signalable(identity.pid) ? "alive" : "gone";
  const stat = await readStat(identity.pid);
  // A zombie has ended; only its parent has not asked for the exit code yet.
  return stat !== undefined && stat.startTicks === identity.startTicks && !"ZXx".includes(stat.state)
    ? "alive"
    : "gone";
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
