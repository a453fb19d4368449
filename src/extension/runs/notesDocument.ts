import { dirname } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import { changeRunNotes, readRunNotes } from "../../run/runNotes";
import type { RunRegistry, TrackedRun } from "./runRegistry";

export const NOTES_SCHEME = "tunesmith-notes";

/** The notes of a run as a file: `tunesmith-notes:<directory>/<name>.md`. */
export class NotesDocuments implements vscode.FileSystemProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];
  /** When the notes were last seen to differ, and what they were. */
  readonly #seen = new Map<string, { notes: string; changed: number }>();

  constructor(private readonly runs: RunRegistry) {
    this.#subscriptions = [
      this.#changed,
      vscode.workspace.registerFileSystemProvider(NOTES_SCHEME, this, { isCaseSensitive: true }),
      runs.onDidUpdate(({ run }) => this.#look(run)),
    ];
  }

  uriOf(run: TrackedRun): vscode.Uri {
    // The name is for the tab alone, so it must not change with the run's.
    const name = run.spec.name.replace(/[\p{Cc}/\\]/gu, " ").trim() || "run";
    return vscode.Uri.from({ scheme: NOTES_SCHEME, path: `${run.directory}/${name}.md` });
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { notes, changed } = await this.#read(uri);
    return { type: vscode.FileType.File, ctime: 0, mtime: changed, size: Buffer.byteLength(notes) };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return Buffer.from((await this.#read(uri)).notes);
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array): Promise<void> {
    const run = await this.#runOf(uri);
    try {
      await changeRunNotes(run.directory, { notes: Buffer.from(content).toString("utf8") });
    } catch (error) {
      throw vscode.FileSystemError.Unavailable(describeError(error));
    }
    await this.runs.refresh(run);
  }

  async #read(uri: vscode.Uri): Promise<{ notes: string; changed: number }> {
    const run = await this.#runOf(uri);
    return this.#remember(run.directory, (await readRunNotes(run.directory)).notes);
  }

  #remember(directory: string, notes: string): { notes: string; changed: number } {
    const known = this.#seen.get(directory);
    if (known?.notes === notes) return known;
    const seen = { notes, changed: Date.now() };
    this.#seen.set(directory, seen);
    return seen;
  }

  #look(run: TrackedRun): void {
    const before = this.#seen.get(run.directory);
    if (before === undefined || before === this.#remember(run.directory, run.notes.notes)) return;
    this.#changed.fire([{ type: vscode.FileChangeType.Changed, uri: this.uriOf(run) }]);
  }

  async #runOf(uri: vscode.Uri): Promise<TrackedRun> {
    const directory = dirname(uri.path);
    const run = vscode.workspace.isTrusted ? await this.runs.first(() => this.runs.at(directory)) : undefined;
    if (run === undefined) throw vscode.FileSystemError.FileNotFound(uri);
    return run;
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => {});
  }

  readDirectory(): never {
    throw vscode.FileSystemError.NoPermissions();
  }
  createDirectory(): never {
    throw vscode.FileSystemError.NoPermissions();
  }
  delete(): never {
    throw vscode.FileSystemError.NoPermissions();
  }
  rename(): never {
    throw vscode.FileSystemError.NoPermissions();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
