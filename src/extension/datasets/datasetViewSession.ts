import { describeError } from "../../disk/describeError";
import type { DatasetReport, RowPreviewParams, ToDatasetView } from "../../protocol/datasetView";
import { parseDatasetReport, parseRowPreview } from "./datasetViewMessages";

/** What a session needs of the world; without VS Code, so that it can be tested. */
export interface DatasetViewWorld {
  /** Runs the job `dataset statistics`. */
  report(signal: AbortSignal, onProgress: (stage: string, fraction: number | null) => void): Promise<unknown>;
  /** Asks the language server for a row. */
  preview(place: Pick<RowPreviewParams, "offset" | "skip">): Promise<unknown>;
  /** Of the file on the disk as it is now; null: there is none. */
  stamp(): Promise<Pick<DatasetReport, "bytes" | "modified"> | null>;
  post(message: ToDatasetView): void;
  translate(message: string): string;
  texts: { reading: string; changed: string };
}

type Outcome = Extract<ToDatasetView, { type: "loading" | "failed" | "cancelled" }>;

/** What is known of one data set, and the reading that is under way. */
export class DatasetViewSession {
  #report: DatasetReport | undefined;
  /** What is shown beside the report. */
  #outcome: Outcome | undefined;
  #reading: AbortController | undefined;
  #changed = false;

  constructor(
    readonly dataset: string,
    private readonly world: DatasetViewWorld,
  ) {}

  /** All that a page shows, for one that has just come up; begins to read where nothing is known. */
  show(): void {
    const { post } = this.world;
    if (this.#report !== undefined) post({ type: "report", report: this.#report });
    if (this.#outcome !== undefined) post(this.#outcome);
    if (this.#changed) post({ type: "changed" });
    if (this.#report === undefined && this.#outcome === undefined) void this.refresh();
    else void this.lookForChange();
  }

  async refresh(): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    const isCurrent = () => this.#reading === reading;
    const { dataset } = this;
    this.#tell({ type: "loading", dataset, stage: this.world.texts.reading, fraction: null });
    try {
      const value = await this.world.report(reading.signal, (stage, fraction) => {
        if (isCurrent()) this.#tell({ type: "loading", dataset, stage: this.world.translate(stage), fraction });
      });
      if (!isCurrent()) return;
      this.#report = parseDatasetReport(value);
      this.#outcome = undefined;
      this.#changed = false;
      this.world.post({ type: "report", report: this.#report });
      await this.lookForChange();
    } catch (error) {
      if (!isCurrent()) return;
      this.#tell({ type: "failed", dataset, message: describeError(error) });
    } finally {
      if (isCurrent()) this.#reading = undefined;
    }
  }

  /** At once: the job may take a moment to end. */
  cancel(): void {
    if (this.#reading === undefined) return;
    this.#reading.abort();
    this.#reading = undefined;
    this.#tell({ type: "cancelled", dataset: this.dataset });
  }

  /** Says so where the file is no longer the one that was read. */
  async lookForChange(): Promise<void> {
    if (this.#report === undefined || this.#changed || this.#reading !== undefined) return;
    if (await this.#isUnchanged(this.#report)) return;
    this.#changed = true;
    this.world.post({ type: "changed" });
  }

  async showRow(row: number): Promise<void> {
    const report = this.#report;
    const place = report?.sample.find((sampled) => sampled.row === row);
    if (report === undefined || place === undefined) return;
    try {
      // A place in another file than the one that was read would show another row.
      if (!(await this.#isUnchanged(report))) {
        await this.lookForChange();
        throw new Error(this.world.texts.changed);
      }
      const result = parseRowPreview(await this.world.preview({ offset: place.offset, skip: place.skip }));
      this.world.post({ type: "row", row, result });
    } catch (error) {
      this.world.post({ type: "rowFailed", row, message: describeError(error) });
    }
  }

  dispose(): void {
    this.#reading?.abort();
    this.#reading = undefined;
  }

  #tell(outcome: Outcome): void {
    this.#outcome = outcome;
    this.world.post(outcome);
  }

  async #isUnchanged({ bytes, modified }: DatasetReport): Promise<boolean> {
    const stamp = await this.world.stamp();
    return stamp !== null && stamp.bytes === bytes && stamp.modified === modified;
  }
}
