import * as v from "valibot";
import type { LeftToJudge } from "./suggestionTracker";

/** `at`: when it is to be judged, in milliseconds since 1970. */
export interface PendingJudgement extends LeftToJudge {
  at: number;
}

/** Where it is kept from one window to the next, such as a workspace's state. */
interface Memory {
  get<T>(key: string): T | undefined;
  update(key: string, value: unknown): Thenable<void>;
}

const KEY = "tunesmith.suggestionsToJudge";
/** Edits come by the key; what is not written yet when the window goes is lost. */
const SAVE_AFTER_MS = 250;
const MOST = 64;

const offset = v.pipe(v.number(), v.integer(), v.minValue(0));
const schema = v.object({
  id: v.pipe(v.string(), v.regex(/^[\w:.-]{1,80}$/)),
  document: v.pipe(v.string(), v.maxLength(4096)),
  range: v.object({ start: offset, end: offset }),
  digest: v.pipe(v.string(), v.length(64)),
  similarity: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  at: v.number(),
});

/** What is still to be judged, so that the window that comes after a reload can do it. Places and digests, no code. */
export class PendingJudgements {
  #timer: NodeJS.Timeout | undefined;
  #isEmpty: boolean;

  constructor(
    private readonly memory: Memory,
    private readonly current: () => readonly PendingJudgement[],
  ) {
    this.#isEmpty = memory.get<unknown>(KEY) === undefined;
  }

  /** What the window before has left. */
  take(): PendingJudgement[] {
    const found = this.memory.get<unknown>(KEY);
    if (!Array.isArray(found)) return [];
    return found.slice(0, MOST).flatMap((entry) => {
      const result = v.safeParse(schema, entry);
      return result.success ? [result.output] : [];
    });
  }

  saveSoon(): void {
    this.#timer ??= setTimeout(() => this.#save(), SAVE_AFTER_MS);
  }

  #save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pending = this.current().slice(-MOST);
    if (pending.length === 0 && this.#isEmpty) return;
    this.#isEmpty = pending.length === 0;
    void this.memory.update(KEY, this.#isEmpty ? undefined : pending);
  }

  async clear(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isEmpty = true;
    await this.memory.update(KEY, undefined);
  }

  dispose(): void {
    if (this.#timer !== undefined) this.#save();
  }
}
