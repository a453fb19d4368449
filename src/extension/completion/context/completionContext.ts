import { setImmediate as turn } from "node:timers/promises";
import * as vscode from "vscode";
import type { ContextSnippet } from "../../../protocol/worker";
import { readSettings } from "../../settings";
import type { CompletionController } from "../completionController";
import { fileUri, notebookOf, pythonCells, textAround } from "../documentText";
import { IgnoredFiles } from "./ignoredFiles";
import { importedDefinitions } from "./importedDefinitions";
import { askedFor } from "./instruction";
import { importsOf } from "./pythonHeaders";
import { RecentEdits } from "./recentEdits";
import { SimilarCode, type SimilarWindow } from "./similarCode";
import { chooseSnippets, keepSimilar, MOST_SIMILAR } from "./snippetChoice";
import { isReadableDocument, readablePath } from "./workspaceFiles";

/** The user has stopped for so long: then there is time to look around. */
const IDLE_MS = 400;
/** Similar code is looked for anew where the cursor is so many lines from where it was looked for. */
const FAR_LINES = 25;
/** Lines around the cursor that code is to resemble. */
const LINES_ABOVE = 16;
const LINES_BELOW = 4;
/** What asks for code stands within so many lines above the cursor. */
const ASKING_LINES = 120;
/** More candidates than are shown, so that those shown before are found again. */
const SIMILAR_CANDIDATES = 12;
const MOST_DOCUMENTS = 32;

export interface AroundCursor {
  snippets: ContextSnippet[];
  /** What the comment or docstring before the cursor asks for; null: nothing. */
  instruction: string | null;
}

interface DocumentContext {
  /** The file, or the cell of a notebook. */
  document: vscode.TextDocument;
  /** The import statements, as they were when definitions were looked up. */
  imports: string;
  definitions: readonly ContextSnippet[];
  similar: readonly SimilarWindow[];
  snippets: ContextSnippet[];
  /** Where similar code was looked for. */
  line: number;
}

/**
 * What a completion should know of the rest of the workspace: gathered while the user rests, handed out at once. Only
 * Python files of the workspace that are not hidden, excluded, ignored by Git, secret or large are ever read. The cells of
 * a notebook have one context.
 */
export class CompletionContext implements vscode.Disposable {
  #edits = new RecentEdits();
  #similar = new SimilarCode();
  readonly #ignored = new IgnoredFiles();
  /** Edits were noted of files of which it is being looked up whether Git ignores them. */
  readonly #lookingUp = new Set<Promise<void>>();
  /** The version of each document that `#similar` holds. */
  #seen = new WeakMap<vscode.TextDocument, number>();
  /** By URI, in the order in which they were last asked for. */
  readonly #documents = new Map<string, DocumentContext>();
  readonly #subscriptions: vscode.Disposable[];
  #timer: NodeJS.Timeout | undefined;
  #gathering = new AbortController();
  /** Whose surroundings are being gathered. */
  #gatheredFor: vscode.TextDocument | undefined;

  constructor(private readonly completion: Pick<CompletionController, "state">) {
    const { workspace, window } = vscode;
    this.#subscriptions = [
      this.#ignored,
      this.#ignored.onDidChange(() => this.#startOver()),
      workspace.onDidChangeTextDocument((event) => this.#note(event)),
      workspace.onDidSaveTextDocument((document) => void this.#see(document)),
      workspace.onDidCloseTextDocument(({ uri }) => void this.#documents.delete(uri.toString())),
      workspace.onDidCloseNotebookDocument(({ uri }) => void this.#documents.delete(uri.toString())),
      workspace.onDidDeleteFiles(({ files }) => {
        for (const uri of files) this.#forget(uri);
      }),
      window.onDidChangeActiveTextEditor((editor) => {
        if (editor !== undefined) this.#gatherSoon(editor.document, editor.selection.active, 0);
      }),
    ];
  }

  /** Never waits: what is not known yet is there at a later request. */
  gather(document: vscode.TextDocument, position: vscode.Position, signal: AbortSignal): Promise<AroundCursor> {
    const instruction = signal.aborted ? null : askedForAt(document, position);
    if (signal.aborted || !this.#isOn()) return Promise.resolve({ snippets: [], instruction });
    const known = this.#documents.get(fileUri(document.uri).toString());
    if (known === undefined) this.#gatherSoon(document, position, 0);
    else if (known.document !== document || Math.abs(known.line - position.line) > FAR_LINES) {
      this.#gatherSoon(document, position, IDLE_MS);
    }
    return Promise.resolve({ snippets: known?.snippets ?? [], instruction });
  }

  #isOn(): boolean {
    return (
      vscode.workspace.isTrusted && this.completion.state.kind !== "off" && readSettings().completionContextTokens > 0
    );
  }

  #note({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (contentChanges.length === 0 || !this.#isOn() || !isReadableDocument(document)) return;
    this.#noteEdits(document, contentChanges);
    this.#restart(document);
  }

  #noteEdits(document: vscode.TextDocument, changes: readonly vscode.TextDocumentContentChangeEvent[]): void {
    const { uri } = document;
    const isIgnored = this.#ignored.known(uri);
    // A cell's lines are counted from its own beginning.
    if (isIgnored || notebookOf(uri) !== undefined) return;
    const path = readablePath(uri)!;
    for (const { range, text } of changes) {
      const change = {
        startLine: range.start.line,
        removed: range.end.line - range.start.line + 1,
        added: text.split("\n").length,
      };
      this.#edits.note(path, change, (from, to) => linesOf(document, from, to));
    }
    if (isIgnored === undefined) this.#lookUp(uri);
  }

  /** What was noted of a file meanwhile is forgotten where Git ignores it. */
  #lookUp(uri: vscode.Uri): void {
    const lookUp = this.#ignored.isIgnored(uri).then((isIgnored) => {
      if (isIgnored) this.#forget(uri);
      this.#lookingUp.delete(lookUp);
    });
    this.#lookingUp.add(lookUp);
  }

  /** What Git ignores has changed: nothing that was gathered before is handed out. */
  #startOver(): void {
    this.#gathering.abort();
    this.#edits = new RecentEdits();
    this.#similar = new SimilarCode();
    this.#seen = new WeakMap();
    this.#documents.clear();
  }

  /** Gathering that is under way waits until the typing is over. */
  #restart(document: vscode.TextDocument): void {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document === document && this.#timer !== undefined) {
      this.#gatherSoon(document, editor.selection.active, IDLE_MS);
    }
  }

  /** Whether there was something new to see. */
  async #see(document: vscode.TextDocument): Promise<boolean> {
    const similar = this.#similar;
    if (!this.#isOn() || !isReadableDocument(document) || (await this.#ignored.isIgnored(document.uri))) return false;
    const { version } = document;
    if (this.#similar !== similar || this.#seen.get(document) === version) return false;
    this.#seen.set(document, version);
    this.#similar.see(readablePath(document.uri)!, document.getText());
    return true;
  }

  #forget(uri: vscode.Uri): void {
    const path = readablePath(uri);
    if (path === null) return;
    this.#similar.forget(path);
    this.#edits.forget(path);
  }

  #gatherSoon(document: vscode.TextDocument, position: vscode.Position, delay: number): void {
    if (this.#gatheredFor === document || !this.#isOn() || !isReadableDocument(document)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#gather(document, position);
    }, delay);
  }

  async #gather(document: vscode.TextDocument, position: vscode.Position): Promise<void> {
    this.#gathering.abort();
    const gathering = new AbortController();
    this.#gathering = gathering;
    this.#gatheredFor = document;
    try {
      await this.#gatherFor(document, position, gathering.signal);
    } finally {
      if (this.#gathering === gathering) this.#gatheredFor = undefined;
    }
  }

  async #gatherFor(document: vscode.TextDocument, position: vscode.Position, signal: AbortSignal): Promise<void> {
    const key = fileUri(document.uri).toString();
    const path = readablePath(document.uri);
    if (path === null || document.isClosed) return;
    const notebook = notebookOf(document.uri);
    const cells = notebook === undefined ? [document] : pythonCells(notebook, document);
    const before = this.#documents.get(key);
    for (const open of openPythonDocuments()) {
      if (await this.#see(open)) await turn();
      if (signal.aborted) return;
    }
    const imports = importLines(cells);
    const definitions =
      before?.imports === imports ? before.definitions : await importedDefinitions(cells, this.#ignored, signal);
    await Promise.all(this.#lookingUp);
    if (signal.aborted) return;
    const around = linesAround(document, position);
    const found = this.#similar.resembling(around, path, SIMILAR_CANDIDATES);
    const similar = keepSimilar(before?.similar ?? [], found).slice(0, MOST_SIMILAR);
    const snippets = chooseSnippets({ definitions, edits: this.#edits.elsewhere(path), similar });
    this.#remember(key, { document, imports, definitions, similar, snippets, line: position.line });
  }

  #remember(key: string, context: DocumentContext): void {
    this.#documents.delete(key);
    this.#documents.set(key, context);
    for (const [oldest] of this.#documents) {
      if (this.#documents.size <= MOST_DOCUMENTS) break;
      this.#documents.delete(oldest);
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#gathering.abort();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

function askedForAt(document: vscode.TextDocument, position: vscode.Position): string | null {
  const first = Math.max(0, position.line - ASKING_LINES);
  const before = Array.from({ length: position.line - first }, (_, i) => document.lineAt(first + i).text);
  const line = document.lineAt(position.line).text;
  // In front of text there is nothing to be asked for.
  if (line.slice(position.character).trim() !== "") return null;
  const below = position.line + 1 < document.lineCount ? document.lineAt(position.line + 1).text : "";
  return askedFor(before, line.slice(0, position.character), below);
}

function openPythonDocuments(): vscode.TextDocument[] {
  // Files that were opened by other extensions for a look are in textDocuments too; what has a tab the user has opened.
  const tabs = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs);
  const shown = new Set(
    tabs.flatMap(({ input }) => (input instanceof vscode.TabInputText ? [input.uri.toString()] : [])),
  );
  return vscode.workspace.textDocuments.filter(({ uri }) => shown.has(uri.toString()));
}

function importLines(documents: readonly vscode.TextDocument[]): string {
  const imports = documents.flatMap((document) => importsOf(linesOf(document, 0, 400)));
  return JSON.stringify(imports.map(({ module, level, names }) => [module, level, names]));
}

/** In a notebook the cells above count too. */
function linesAround(document: vscode.TextDocument, position: vscode.Position): string {
  const { prefix, suffix } = textAround(document, position);
  const above = prefix.split("\n").slice(-LINES_ABOVE - 1);
  const below = suffix.split("\n").slice(0, LINES_BELOW + 1);
  return above.join("\n") + below.join("\n");
}

function linesOf(document: vscode.TextDocument, from: number, to: number): string {
  const last = Math.min(to, document.lineCount - 1);
  if (last < from) return "";
  return document.getText(new vscode.Range(from, 0, last, document.lineAt(last).text.length)).replace(/\r\n/g, "\n");
}
