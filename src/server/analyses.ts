/**
 * Keeps the analysis of every open document up to date, stage by stage: structure at once, then what rows' texts hold,
 * and after a pause in typing what takes all rows or the tokenizer. Given up when the document changes.
 */

import { Emitter, type Event } from "vscode-languageserver";
import type { RowInspector } from "../dataset/checks/inspectRow";
import type { DialectChoice } from "../dataset/formats/detect";
import { DatasetAnalysis, type DatasetState } from "./datasetAnalysis";
import type { JsonlDocument } from "./jsonlDocument";
import { Cancelled } from "./slices";

const TYPING_PAUSE_MS = 150;
/** So many rows are inspected before an edit's findings are shown: their marks would blink otherwise. */
const FEW_ROWS = 64;

export interface AnalysisProgress {
  analysis: DatasetAnalysis;
  state: DatasetState;
  /** Every stage has been gone through. */
  complete: boolean;
}

/** A stage that takes all rows together or the tokenizer. True if any finding came or went. */
export type LateStage = (analysis: DatasetAnalysis, state: DatasetState, signal: AbortSignal) => Promise<boolean>;

export interface AnalysisOptions {
  choice(document: JsonlDocument): DialectChoice;
  inspector(): Promise<RowInspector>;
  /** Sets rows beside each other. */
  compare: LateStage;
  /** Counts tokens. */
  measure: LateStage;
  reportFailure(error: unknown): void;
}

interface Entry {
  analysis: DatasetAnalysis;
  abort: AbortController;
  finished: Promise<DatasetState | null>;
  state: DatasetState | null;
}

export class Analyses {
  private readonly entries = new Map<string, Entry>();
  private readonly progress = new Emitter<AnalysisProgress>();

  /** More is known of a document's current version. */
  readonly onDidProgress: Event<AnalysisProgress> = this.progress.event;

  constructor(private readonly options: AnalysisOptions) {}

  /** To be called when a document has been opened or changed. */
  update(document: JsonlDocument): void {
    this.start(document, false);
  }

  /** To be called when settings have changed: whatever may depend on them is found anew. */
  refresh(document: JsonlDocument): void {
    for (const line of document.lines) line.record = undefined;
    this.start(document, true);
  }

  close(uri: string): void {
    this.entries.get(uri)?.abort.abort();
    this.entries.delete(uri);
  }

  /** The state once the document's latest version has gone through all stages; null if it is not open. */
  async settled(uri: string): Promise<DatasetState | null> {
    for (;;) {
      const entry = this.entries.get(uri);
      if (!entry) return null;
      const state = await entry.finished;
      if (state && this.entries.get(uri) === entry) return state;
      if (this.entries.get(uri) === entry) return null;
    }
  }

  analysis(uri: string): DatasetAnalysis | undefined {
    return this.entries.get(uri)?.analysis;
  }

  /** What is known by now of the latest version that was looked at; undefined before the first look. */
  state(uri: string): DatasetState | undefined {
    return this.entries.get(uri)?.state ?? undefined;
  }

  private start(document: JsonlDocument, anew: boolean): void {
    const previous = this.entries.get(document.uri);
    previous?.abort.abort();
    const known = !anew && previous?.analysis.document === document ? previous : undefined;
    const analysis = known?.analysis ?? new DatasetAnalysis(document, this.options.choice(document));
    const abort = new AbortController();
    const entry: Entry = { analysis, abort, finished: Promise.resolve(null), state: known?.state ?? null };
    this.entries.set(document.uri, entry);
    entry.finished = this.run(entry, known === undefined);
  }

  private async run(entry: Entry, first: boolean): Promise<DatasetState | null> {
    const { analysis, abort } = entry;
    const { signal } = abort;
    try {
      // Several edits that come together are one.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (signal.aborted) return null;
      const state = await this.structure(entry, first);
      const inspected = this.inspect(entry, state);
      if (!first) await Promise.all([inspected, pause(TYPING_PAUSE_MS, signal)]);
      const late = async (stage: LateStage, after: Promise<void>): Promise<void> => {
        await after;
        if (await stage(analysis, state, signal)) this.fire(entry, state, false);
      };
      // The tokenizer has threads of its own: it works while rows are looked at here.
      const { compare, measure } = this.options;
      await Promise.all([late(compare, inspected), late(measure, Promise.resolve())]);
      if (signal.aborted) return null;
      this.fire(entry, state, true);
      return state;
    } catch (error) {
      if (!(error instanceof Cancelled)) this.options.reportFailure(error);
      return null;
    }
  }

  private async structure(entry: Entry, first: boolean): Promise<DatasetState> {
    const { analysis, abort } = entry;
    const { signal } = abort;
    // Of a file that is being opened the first findings are shown after the first slice.
    let shown = !first;
    const state = await analysis.checkStructure(signal, (partial) => {
      if (shown) return;
      shown = true;
      this.fire(entry, partial, false);
    });
    if (analysis.uninspected > FEW_ROWS) this.fire(entry, state, false);
    return state;
  }

  private async inspect(entry: Entry, state: DatasetState): Promise<void> {
    await entry.analysis.inspect(await this.options.inspector(), state, entry.abort.signal);
    this.fire(entry, state, false);
  }

  private fire(entry: Entry, state: DatasetState, complete: boolean): void {
    if (entry.abort.signal.aborted) return;
    entry.state = state;
    this.progress.fire({ analysis: entry.analysis, state, complete });
  }
}

/** Rejects with Cancelled when aborted. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new Cancelled());
      return;
    }
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    function stop(): void {
      clearTimeout(timer);
      reject(new Cancelled());
    }
    signal.addEventListener("abort", stop, { once: true });
  });
}
