import type { EngineEvent } from "../protocol/engine";
import { parseEngineEvent } from "./engineEvent";
import { openPlainFile } from "./plainFile";
import { runPaths } from "./runDirectory";
import { hasCode } from "./runError";

/** Some hundred events. */
const TAIL_BYTES = 1 << 16;
/** Where so much of the end holds no event at all, the file says nothing. */
const MAX_TAIL_BYTES = 1 << 24;

/** The last of the events on disk, in their order: attempts only ever grow, so they tell the newest one. */
export async function readLastEvents(directory: string): Promise<EngineEvent[]> {
  try {
    const handle = await openPlainFile(runPaths(directory).events);
    try {
      const { size } = await handle.stat();
      for (let wanted = TAIL_BYTES; ; wanted *= 4) {
        const start = Math.max(0, size - wanted);
        const buffer = Buffer.alloc(size - start);
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
        const events = eventsIn(buffer.toString("utf8", 0, bytesRead), start === 0);
        if (events.length > 0 || start === 0 || wanted >= MAX_TAIL_BYTES) return events;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

/** How often the engine has been started on the run so far. */
export async function readAttempt(directory: string): Promise<number> {
  return highestAttempt(await readLastEvents(directory));
}

export function highestAttempt(events: readonly { attempt: number }[]): number {
  return events.reduce((highest, event) => Math.max(highest, event.attempt), 0);
}

/** Only whole lines count; unless the text is the whole file, its first line is the end of one. */
function eventsIn(text: string, whole: boolean): EngineEvent[] {
  const lines = text.split("\n").slice(whole ? 0 : 1, -1);
  return lines.map(parseEngineEvent).filter((event) => event !== undefined);
}
