import * as vscode from "vscode";
import type { Services } from "../context";
import { readSettings } from "../settings";
import { fileUri, isForNotebook, textAround, unixLines } from "./documentText";
import { isReadOnly } from "./readOnly";
import { SnippetRegions } from "./snippetRegions";
import { ACCEPTED_COMMAND } from "./statistics/completionStatistics";
import { type Cursor, Suggester, type Suggestion } from "./suggester";

/** While it is set, Tab goes on to a snippet's next tab stop, whatever ghost text stands there. */
const COMPLETES_KEY = "tunesmith.completes";

/** An item as VS Code has it: it is taken when the document says so. */
interface Shown {
  id: string;
  document: vscode.TextDocument;
  start: number;
  /** Characters that it replaces. */
  replaced: number;
  /** With \n. */
  text: string;
}

/** Offers the continuation of Python files for as long as a model is in use. */
export class InlineCompletions implements vscode.Disposable, vscode.InlineCompletionItemProvider {
  readonly #suggester: Suggester;
  readonly #snippets = new SnippetRegions();
  #registration: vscode.Disposable | undefined;
  readonly #subscriptions: vscode.Disposable[];
  #shown: Shown | undefined;
  #model: string | undefined;

  constructor(private readonly services: Services) {
    const { completion } = services;
    this.#suggester = new Suggester({
      complete: (question, signal) => completion.complete(question, signal),
      wait: pause,
      now: () => performance.now(),
    });
    this.#subscriptions = [
      completion.onDidChange(() => this.#adapt()),
      vscode.workspace.onDidChangeTextDocument((event) => this.#look(event)),
      vscode.window.onDidChangeTextEditorSelection((event) => this.#noteSelection(event)),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        this.#suggester.forget(uri.toString());
        this.#snippets.forget(uri.toString());
      }),
      vscode.workspace.onDidCloseNotebookDocument(({ uri }) => {
        this.#suggester.forget(uri.toString());
        completion.forget(uri);
      }),
    ];
    this.#adapt();
  }

  #adapt(): void {
    const { state } = this.services.completion;
    const model = state.kind === "off" ? undefined : state.choice.directory;
    if (model !== this.#model) this.#suggester.clear();
    if ((model === undefined) !== (this.#model === undefined)) {
      void vscode.commands.executeCommand("setContext", COMPLETES_KEY, model !== undefined);
    }
    this.#model = model;
    if (model === undefined) {
      this.#registration?.dispose();
      this.#registration = undefined;
      return;
    }
    this.#registration ??= vscode.languages.registerInlineCompletionItemProvider({ language: "python" }, this);
  }

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    if (!this.#mayOffer(document) || isForNotebook(document, position.line)) return [];
    if ((await isReadOnly(document)) || token.isCancellationRequested) return [];
    const abort = new AbortController();
    const subscription = token.onCancellationRequested(() => abort.abort());
    try {
      const { selectedCompletionInfo: selected } = context;
      const { completionDelay: delay, completionMaxTokens: maxTokens, completionContextTokens } = readSettings();
      const gathered = await this.services.completionContext.gather(document, position, abort.signal);
      const suggestion = await this.#suggester.suggest(
        this.#cursorAt(document, position, context),
        gathered,
        { delay, maxTokens, contextTokens: completionContextTokens },
        abort.signal,
      );
      if (suggestion === null) return [];
      return [this.#item(suggestion, document, position, selected)];
    } finally {
      subscription.dispose();
    }
  }

  #mayOffer(document: vscode.TextDocument): boolean {
    if (!vscode.workspace.isTrusted || !this.services.completionSwitch.isEnabled(document)) return false;
    const editors = vscode.window.visibleTextEditors.filter((editor) => editor.document === document);
    const { activeTextEditor: active } = vscode.window;
    const editor = active?.document === document ? active : editors[0];
    // What is chosen, such as a snippet's placeholder, is about to be replaced.
    return editor === undefined || (editor.selections.length === 1 && editor.selection.isEmpty);
  }

  #item(
    suggestion: Suggestion,
    document: vscode.TextDocument,
    position: vscode.Position,
    selected: vscode.SelectedCompletionInfo | undefined,
  ): vscode.InlineCompletionItem {
    const range = selected?.range ?? new vscode.Range(position, position.translate(0, suggestion.covered));
    const text = (selected?.text ?? "") + suggestion.text;
    const item = new vscode.InlineCompletionItem(text, range);
    item.command = { command: ACCEPTED_COMMAND, title: "", arguments: [suggestion.id] };
    const start = document.offsetAt(range.start);
    const replaced = document.offsetAt(range.end) - start;
    this.#shown = { id: suggestion.id, document, start, replaced, text };
    const offset = document.offsetAt(position);
    const { id, model, latencyMs, firstTokenMs, source } = suggestion;
    const atCursor = text.slice(offset - start);
    this.services.completionStatistics.offered({
      id,
      model,
      document,
      offset,
      text: atCursor,
      latencyMs,
      firstTokenMs,
      source,
    });
    return item;
  }

  #noteSelection({ textEditor: { document }, selections }: vscode.TextEditorSelectionChangeEvent): void {
    const [first] = selections;
    if (document.languageId !== "python" || first === undefined) return;
    const range = { start: document.offsetAt(first.start), end: document.offsetAt(first.end) };
    this.#snippets.selected(document.uri.toString(), range);
  }

  #noteChange({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): void {
    if (document.languageId !== "python" || contentChanges.length === 0) return;
    const changes = contentChanges.map(({ rangeOffset, rangeLength, text }) => {
      return { offset: rangeOffset, length: rangeLength, text };
    });
    this.#snippets.changed(document.uri.toString(), changes, reason !== undefined);
  }

  /** Notices that what was shown last has been taken whole. */
  #look(event: vscode.TextDocumentChangeEvent): void {
    this.#noteChange(event);
    const { document, contentChanges } = event;
    const shown = this.#shown;
    if (shown?.document !== document || contentChanges.length === 0) return;
    this.#shown = undefined;
    const lineEnd = document.eol === vscode.EndOfLine.CRLF ? "\r\n" : "\n";
    const text = shown.text.replaceAll("\n", lineEnd);
    const growth = contentChanges.reduce((sum, change) => sum + change.text.length - change.rangeLength, 0);
    if (growth !== text.length - shown.replaced) return;
    const range = new vscode.Range(document.positionAt(shown.start), document.positionAt(shown.start + text.length));
    if (unixLines(document.getText(range)) !== shown.text) return;
    this.#suggester.accepted(shown.id, this.#cursorAt(document, range.end));
  }

  /** What the user would be in front of: with the suggest widget's chosen item, as if that were taken already. */
  #cursorAt(
    document: vscode.TextDocument,
    position: vscode.Position,
    context?: vscode.InlineCompletionContext,
  ): Cursor {
    const selected = context?.selectedCompletionInfo;
    const end = selected?.range.end.isAfter(position) ? selected.range.end : position;
    const around = textAround(document, selected?.range.start ?? position, end);
    const editor = vscode.window.visibleTextEditors.find((candidate) => candidate.document === document);
    const { insertSpaces, tabSize } = editor?.options ?? {};
    return {
      ...around,
      prefix: around.prefix + (selected === undefined ? "" : unixLines(selected.text)),
      document: fileUri(document.uri).toString(),
      invoked: context?.triggerKind === vscode.InlineCompletionTriggerKind.Invoke,
      // Behind a snippet's closing bracket its session would be over, and its other tab stops lost.
      canReplace: selected === undefined && !this.#hasStopsBehind(document, end),
      indentation: { tabs: insertSpaces === false, unit: typeof tabSize === "number" && tabSize > 0 ? tabSize : 4 },
    };
  }

  #hasStopsBehind(document: vscode.TextDocument, position: vscode.Position): boolean {
    return this.#snippets.hasStopsBehind(document.uri.toString(), document.offsetAt(position), ({ start, end }) =>
      document.getText(new vscode.Range(document.positionAt(start), document.positionAt(end))),
    );
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#registration?.dispose();
    this.#suggester.clear();
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { once: true });
  });
}
