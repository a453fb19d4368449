/** Keeps the analysis of every open document up to date: debounced while typing, given up when out of date. */

import { Emitter, type Event } from "vscode-languageserver";
import { DatasetAnalysis, type DatasetState } from "./datasetAnalysis";
import type { JsonlDocument } from "./jsonlDocument";
import { Cancelled } from "./slices";

const TYPING_PAUSE_MS = 150;

export interface FinishedAnalysis {
  analysis: DatasetAnalysis;
  state: DatasetState;
  /** Aborted when the document changes or closes. */
  signal: AbortSignal;
}

interface Entry {
  analysis: DatasetAnalysis;
  abort: AbortController;
  finished: Promise<DatasetState | null>;
}

export class Analyses {
  private readonly entries = new Map<string, Entry>();
  private readonly finish = new Emitter<FinishedAnalysis>();

  /** An analysis of a document's current version has been finished. */
  readonly onDidFinish: Event<FinishedAnalysis> = this.finish.event;

  constructor(private readonly reportFailure: (error: unknown) => void) {}

  /** To be called when a document has been opened or changed. */
  update(document: JsonlDocument): void {
    const previous = this.entries.get(document.uri);
    previous?.abort.abort();
    const analysis = previous?.analysis.document === document ? previous.analysis : new DatasetAnalysis(document);
    const abort = new AbortController();
    const finished = this.run(analysis, abort.signal, previous ? TYPING_PAUSE_MS : 0);
    this.entries.set(document.uri, { analysis, abort, finished });
  }

  close(uri: string): void {
    this.entries.get(uri)?.abort.abort();
    this.entries.delete(uri);
  }

  /** The state once the document's latest version is analysed; null if it is not open. */
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

  private async run(analysis: DatasetAnalysis, signal: AbortSignal, delay: number): Promise<DatasetState | null> {
    try {
      await new Promise<void>((resolve) => setTimeout(resolve, delay));
      const state = await analysis.run(signal);
      this.finish.fire({ analysis, state, signal });
      return state;
    } catch (error) {
      if (!(error instanceof Cancelled)) this.reportFailure(error);
      return null;
    }
  }
}
