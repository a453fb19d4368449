import { randomBytes } from "node:crypto";
import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../../disk/describeError";
import { modelLabel } from "../../models/modelLabel";
import type { RunRegistry } from "../../runs/runRegistry";
import type { ComparedModel, StatisticsEvent, SuggestionSource } from "./events";
import { ModelIdentities } from "./modelIdentity";
import { type PendingJudgement, PendingJudgements } from "./pendingJudgements";
import { StatisticsFiles, type WrittenStatistics } from "./statisticsFiles";
import { SuggestionTracker } from "./suggestionTracker";

/** What was taken is looked at again after this time. */
export const KEPT_AFTER_MS = 30_000;

/** The command of an inline completion item; its argument is the suggestion's id. */
export const ACCEPTED_COMMAND = "_tunesmith.completionAccepted";

/** A suggestion that is handed to VS Code. */
export interface Offer {
  /** Any name that no other suggestion of this window has. */
  id: string;
  /** Folder of the export that has made it. */
  model: string;
  document: vscode.TextDocument;
  /** Of the cursor. */
  offset: number;
  text: string;
  /** From the request to the answer; null: it was not computed for this request. */
  latencyMs: number | null;
  /** Of `latencyMs`, until the first token. */
  firstTokenMs?: number | null;
  source: SuggestionSource;
}

/**
 * What comes of suggestions, by model: shown, accepted, kept. Written to files in the extension's own storage on this
 * machine, figures only, and sent nowhere.
 */
export class CompletionStatistics implements vscode.Disposable {
  readonly #files: StatisticsFiles;
  readonly #tracker: SuggestionTracker;
  readonly #identities = new ModelIdentities();
  readonly #changed = new vscode.EventEmitter<void>();
  /** Something was written down, or all of it was cleared. */
  readonly onDidChange = this.#changed.event;
  readonly #newOffer = new vscode.EventEmitter<Offer>();
  /** A suggestion was handed to VS Code that is not the rest of the one before. */
  readonly onDidOffer = this.#newOffer.event;
  readonly #subscriptions: vscode.Disposable[];
  /** What is to be judged, and when (milliseconds since 1970). */
  readonly #due = new Map<string, { timer: NodeJS.Timeout; at: number }>();
  readonly #pending: PendingJudgements;
  /** Tells this window's suggestions from all others'. */
  readonly #session = randomBytes(6).toString("hex");
  #comparison: string | undefined;
  #warned = false;

  constructor(
    extension: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly runs: RunRegistry,
  ) {
    const folder = vscode.Uri.joinPath(extension.globalStorageUri, "completion-statistics").fsPath;
    this.#files = new StatisticsFiles(folder, (error) => this.#warn(error));
    this.#pending = new PendingJudgements(extension.workspaceState, () => this.#leftToJudge());
    this.#tracker = new SuggestionTracker({
      accepted: (id, how, characters) => this.#write({ type: "accepted", at: Date.now(), id, how, characters }),
      kept: (id, similarity) => this.#write({ type: "kept", at: Date.now(), id, similarity }),
      judgeLater: (id) => this.#judgeAt(id, Date.now() + KEPT_AFTER_MS),
    });
    this.#subscriptions = [
      this.#changed,
      this.#newOffer,
      vscode.commands.registerCommand(ACCEPTED_COMMAND, (id: unknown) => this.#accepted(id)),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        const uri = document.uri.toString();
        const changes = contentChanges.map(({ rangeOffset, rangeLength, text }) => ({
          offset: rangeOffset,
          length: rangeLength,
          text,
        }));
        this.#tracker.changed(uri, changes);
        if (this.#tracker.isWatching(uri)) this.#pending.saveSoon();
      }),
      vscode.workspace.onDidCloseTextDocument((document) =>
        this.#tracker.closed(document.uri.toString(), () => document.getText()),
      ),
    ];
    void this.#goOn(this.#pending.take());
  }

  /** The setting: nothing is written down while it is off. */
  get enabled(): boolean {
    return vscode.workspace.getConfiguration("tunesmith").get<unknown>("completion.statistics") !== false;
  }

  /** A suggestion goes to VS Code, with ACCEPTED_COMMAND and its id as the item's command. */
  offered(offer: Offer): void {
    if (!this.enabled) return;
    const id = this.#idOf(offer.id);
    const { document, offset, text } = offer;
    const comparison = this.#comparison;
    const isNew = this.#tracker.offered({ id, document: document.uri.toString(), offset, text });
    if (!isNew) return;
    this.#newOffer.fire(offer);
    void this.#shown(id, offer, { at: Date.now(), comparison });
  }

  async #shown(id: string, offer: Offer, when: { at: number; comparison: string | undefined }): Promise<void> {
    const { model, text, source, latencyMs, firstTokenMs } = offer;
    const { model: identity, name } = await this.modelOf(model);
    this.#write({
      type: "shown",
      ...when,
      id,
      model: identity,
      name,
      characters: text.length,
      source,
      firstTokenMs: firstTokenMs ?? null,
      totalMs: latencyMs,
    });
  }

  /** What tells the export's model from any other, and how it is called at present. */
  async modelOf(exportDir: string): Promise<ComparedModel> {
    const { id, base } = await this.#identities.of(exportDir);
    const directory = dirname(exportDir);
    const name = base === null ? (this.runs.at(directory)?.name ?? basename(directory)) : modelLabel(base);
    return { model: id, name: name.slice(0, 200) };
  }

  /** What is shown from now on is part of a comparison; its id. */
  beginComparison(models: readonly ComparedModel[]): string {
    const id = `${this.#session}:comparison-${Date.now()}`;
    this.#write({ type: "comparison", at: Date.now(), id, models: [...models] });
    this.#comparison = id;
    return id;
  }

  /** Goes on with one that was begun before the window was reloaded. */
  continueComparison(id: string): void {
    this.#comparison = id;
  }

  endComparison(): void {
    this.#comparison = undefined;
  }

  #idOf(id: string): string {
    return `${this.#session}:${id.replace(/[^\w.-]/g, "_").slice(0, 60)}`;
  }

  #accepted(id: unknown): void {
    if (typeof id !== "string") return;
    const key = this.#idOf(id);
    const document = this.#documentOf(this.#tracker.offeredIn(key));
    if (document !== undefined) this.#tracker.accepted(key, document.getText());
  }

  #judgeAt(id: string, at: number): void {
    clearTimeout(this.#due.get(id)?.timer);
    const judge = () => {
      this.#due.delete(id);
      const document = this.#documentOf(this.#tracker.watchedIn(id));
      if (document !== undefined) this.#tracker.judge(id, document.getText());
      this.#pending.saveSoon();
    };
    this.#due.set(id, { timer: setTimeout(judge, Math.max(0, at - Date.now())), at });
    this.#pending.saveSoon();
  }

  #leftToJudge(): PendingJudgement[] {
    if (!this.enabled) return [];
    const found = this.#tracker.leftToJudge((uri) => this.#documentOf(uri)?.getText());
    return found.flatMap((left) => {
      const due = this.#due.get(left.id);
      return due === undefined ? [] : [{ ...left, at: due.at }];
    });
  }

  /** With what this window was to judge before it was reloaded. */
  async #goOn(left: readonly PendingJudgement[]): Promise<void> {
    if (left.length === 0) return;
    await Promise.all(left.map((one) => this.#watchAgain(one)));
    this.#pending.saveSoon();
  }

  async #watchAgain(left: PendingJudgement): Promise<void> {
    try {
      // Of the files in a window's tabs VS Code has read only those in sight.
      const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(left.document, true));
      if (this.#tracker.goOn(left, document.getText())) this.#judgeAt(left.id, left.at);
    } catch {
      // The file is gone: nobody can say what has become of it.
    }
  }

  #documentOf(uri: string | undefined): vscode.TextDocument | undefined {
    return vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri);
  }

  #write(event: StatisticsEvent): void {
    if (!this.enabled) return;
    this.#files.append(event);
    this.#changed.fire();
  }

  read(): Promise<WrittenStatistics> {
    return this.#files.read();
  }

  async clear(): Promise<void> {
    await this.#files.clear();
    await this.#pending.clear();
    this.#changed.fire();
  }

  /** Said once: a full disk must not fill the log too. */
  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    this.log.warn(`Completion statistics: ${describeError(error)}`);
  }

  dispose(): void {
    this.#pending.dispose();
    for (const { timer } of this.#due.values()) clearTimeout(timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
