import * as vscode from "vscode";
import type { Preparation } from "../../protocol/webview";
import { percent } from "../figures";

export interface StartOptions {
  signal: AbortSignal;
  onProgress(stage: string, fraction: number | null): void;
}

/** Of a start that nobody looks at but the views. */
export function unattended(): StartOptions {
  return { signal: new AbortController().signal, onProgress: () => {} };
}

interface Entry {
  stop: AbortController;
  stage: string;
  fraction: number | null;
}

/** The starts that this window is at work on, by the run's directory: how far each is, and how any view gives it up. */
export class Preparations implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<string>();
  /** Tells the run's directory. */
  readonly onDidChange = this.#changed.event;
  readonly #entries = new Map<string, Entry>();
  #closing = false;

  /** The window goes: what it was at work on is left as it is, for another one to take up. */
  get closing(): boolean {
    return this.#closing;
  }

  of(directory: string): Extract<Preparation, { here: true }> | null {
    const entry = this.#entries.get(directory);
    return entry === undefined ? null : { here: true, stage: entry.stage, fraction: entry.fraction };
  }

  /** False where this window is not at work on it. */
  stop(directory: string): boolean {
    const entry = this.#entries.get(directory);
    entry?.stop.abort();
    return entry !== undefined;
  }

  /** Does `work` with options that stop() too can end and that tell all views. Throws where it is at work on the run. */
  async track<Result>(
    directory: string,
    { signal, onProgress }: StartOptions,
    work: (options: StartOptions) => Promise<Result>,
  ): Promise<Result> {
    if (this.#entries.has(directory)) throw new Error(vscode.l10n.t("The run is already being started."));
    const entry: Entry = { stop: new AbortController(), stage: vscode.l10n.t("Preparing the data"), fraction: null };
    this.#entries.set(directory, entry);
    this.#changed.fire(directory);
    try {
      return await work({
        signal: AbortSignal.any([signal, entry.stop.signal]),
        onProgress: (stage, fraction) => {
          this.#advance(directory, entry, stage, fraction);
          onProgress(stage, fraction);
        },
      });
    } finally {
      this.#entries.delete(directory);
      this.#changed.fire(directory);
    }
  }

  #advance(directory: string, entry: Entry, stage: string, fraction: number | null): void {
    const shown = (value: number | null) => (value === null ? null : percent(value, 1));
    const same = entry.stage === stage && shown(entry.fraction) === shown(fraction);
    entry.stage = stage;
    entry.fraction = fraction;
    if (!same) this.#changed.fire(directory);
  }

  dispose(): void {
    this.#closing = true;
    for (const { stop } of this.#entries.values()) stop.abort();
    this.#changed.dispose();
  }
}
