import { stat } from "node:fs/promises";
import type { RowLossReport } from "../../protocol/rowsView";
import { JobCancelled, runJob } from "../jobs/runJob";
import { parseRowLosses } from "../panels/rowsMessages";
import type { TrackedRun } from "./runRegistry";

/** Runs whose report is kept. */
const KEPT = 8;

/** What rows have cost in the last pass of each run, read by a job, once a pass. */
export class RowLossReader {
  readonly #reports = new Map<string, Promise<RowLossReport>>();
  readonly #abort = new AbortController();

  constructor(private readonly extensionPath: string) {}

  /** Which pass of which run there is to read; null: none has been recorded. */
  keyOf(run: TrackedRun): string | null {
    const last = run.history.rowLosses.at(-1);
    return last === undefined ? null : [run.directory, last.pass, last.attempt, last.step].join("\n");
  }

  /** Only where `keyOf` is not null. Read anew where a data set of the run has been written to. Throws the job's sentence. */
  async read(run: TrackedRun): Promise<RowLossReport> {
    const pass = run.history.rowLosses.at(-1)?.pass;
    if (pass === undefined) throw new JobCancelled();
    const key = [this.keyOf(run), ...(await stampsOf(run))].join("\n");
    const known = this.#reports.get(key);
    if (known !== undefined) return known;
    const reading = runJob({
      extensionPath: this.extensionPath,
      args: ["runs", "losses", run.directory, `--pass=${pass}`],
      signal: this.#abort.signal,
    }).then(parseRowLosses);
    // What failed may be tried again.
    reading.catch(() => this.#reports.delete(key));
    this.#reports.set(key, reading);
    const [oldest] = this.#reports.keys();
    if (this.#reports.size > KEPT && oldest !== undefined) this.#reports.delete(oldest);
    return reading;
  }

  dispose(): void {
    this.#abort.abort();
  }
}

/** Size and time of each data set's file; others where one was written to. */
function stampsOf({ spec }: TrackedRun): Promise<string[]> {
  const files = [spec.dataset, ...(spec.dataset.mixture ?? [])];
  return Promise.all(
    files.map(({ path }) =>
      stat(path).then(
        ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
        () => "missing",
      ),
    ),
  );
}
