import { constants } from "node:fs";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { readPlainFile } from "../../../run/plainFile";
import { lineOf, parseEvents, type StatisticsEvent } from "./events";

/** Some 8,000 suggestions. */
const FILE_BYTES = 2 << 20;
/** Older files go. */
const FILES = 12;
/** Read at once: a few milliseconds' work. */
const PIECE = 128 << 10;
const NAME = /^(\d{4}-\d{2})\.(\d{3})\.jsonl$/;

/** What has been written down, oldest first. */
export interface WrittenStatistics {
  events: StatisticsEvent[];
  /** Lines and files that could not be read. */
  leftOut: number;
}

/**
 * The events on the disk: `YYYY-MM.NNN.jsonl`, a file a month and a further one where that has become long. Windows append
 * whole lines to the same file; none is ever renamed or rewritten, so that they need not know of each other.
 */
export class StatisticsFiles {
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly folder: string,
    private readonly onProblem: (error: unknown) => void,
    private readonly fileBytes = FILE_BYTES,
  ) {}

  append(event: StatisticsEvent): void {
    this.#writing = this.#writing.then(() => this.#append(event)).catch(this.onProblem);
  }

  async #append(event: StatisticsEvent): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const names = await this.#names();
    const month = new Date(event.at).toISOString().slice(0, 7);
    const newest = names.filter((name) => name.startsWith(month)).at(-1);
    await appendLine(join(this.folder, await this.#nameAfter(newest, month)), lineOf(event));
    for (const old of names.slice(0, -FILES)) await rm(join(this.folder, old), { force: true });
  }

  async #nameAfter(newest: string | undefined, month: string): Promise<string> {
    if (newest === undefined) return `${month}.001.jsonl`;
    const { size } = await stat(join(this.folder, newest));
    if (size < this.fileBytes) return newest;
    const next = Number(NAME.exec(newest)![2]) + 1;
    return `${month}.${String(Math.min(next, 999)).padStart(3, "0")}.jsonl`;
  }

  /** All that is there, whoever has written it. */
  async read(): Promise<WrittenStatistics> {
    await this.#writing;
    const events: StatisticsEvent[] = [];
    let leftOut = 0;
    for (const name of await this.#names()) {
      try {
        // Another window may append meanwhile, and a file may be a line longer than the limit.
        const text = await readPlainFile(join(this.folder, name), 2 * this.fileBytes);
        for (const piece of pieces(text)) {
          const found = parseEvents(piece);
          for (const event of found.events) events.push(event);
          leftOut += found.leftOut;
          await breathe();
        }
      } catch (error) {
        this.onProblem(error);
        leftOut++;
      }
    }
    return { events, leftOut };
  }

  async clear(): Promise<void> {
    await this.#writing;
    for (const name of await this.#names()) await rm(join(this.folder, name), { force: true });
  }

  /** Sorted: the oldest first. */
  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.folder)).filter((name) => NAME.test(name)).sort();
    } catch {
      return [];
    }
  }
}

/** In one write, which other windows' lines do not get into; a link is not followed. */
async function appendLine(file: string, line: string): Promise<void> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(file, O_WRONLY | O_APPEND | O_CREAT | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0), 0o600);
  try {
    await handle.write(line);
  } finally {
    await handle.close();
  }
}

/** The text, cut at ends of lines. */
function* pieces(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const lineEnd = text.indexOf("\n", start + PIECE);
    const end = lineEnd === -1 ? text.length : lineEnd + 1;
    yield text.slice(start, end);
    start = end;
  }
}
