import { type Detail, type EventBatch, EventFollower } from "./eventFollower";
import { RunHistory } from "./runHistory";

/** What events.jsonl says, as far as it was read. */
export class RunEvents {
  history = new RunHistory();
  /** Lines that are no events; where `detail` is "brief", of those that were parsed. */
  skippedLines = 0;
  /** Of a file that is too long to be read whole. */
  leftOutBytes = 0;
  /** How often the file was another one than before. */
  restarts = 0;
  readonly #follower: EventFollower;

  constructor(
    file: string,
    readonly detail: Detail,
  ) {
    this.#follower = new EventFollower(file, detail);
  }

  /** Reads what is new. A file that cannot be read says nothing. */
  async read(): Promise<void> {
    await this.#follower.read((batch) => this.#take(batch)).catch(() => {});
  }

  #take({ restarted, events, skippedLines, leftOutBytes }: EventBatch): void {
    if (restarted) {
      this.history = new RunHistory();
      this.skippedLines = 0;
      this.leftOutBytes = 0;
      this.restarts++;
    }
    for (const event of events) this.history.add(event);
    this.skippedLines += skippedLines;
    this.leftOutBytes += leftOutBytes;
  }
}
