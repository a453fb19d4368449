import * as vscode from "vscode";
import { readSettings } from "../settings";
import { coveredClosers } from "./closingBrackets";
import type { CompletionController } from "./completionController";
import {
  canComplete,
  closesNothing,
  PREFIX_CHARACTERS,
  remainderAfterTyping,
  SUFFIX_CHARACTERS,
  wantsBlock,
} from "./completionText";

/** Offers completions for as long as a model is in use. */
export class InlineCompletions implements vscode.Disposable {
  #registration: vscode.Disposable | undefined;
  readonly #subscription: vscode.Disposable;

  constructor(private readonly controller: CompletionController) {
    this.#subscription = controller.onDidChange(() => this.#adapt());
    this.#adapt();
  }

  #adapt(): void {
    if (this.controller.state.kind === "off") {
      this.#registration?.dispose();
      this.#registration = undefined;
      return;
    }
    this.#registration ??= vscode.languages.registerInlineCompletionItemProvider(
      { language: "python" },
      new PythonCompletionProvider(this.controller),
    );
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#registration?.dispose();
  }
}

interface LastSuggestion {
  document: vscode.TextDocument;
  /** Where it was offered, and all of the text before that. */
  offset: number;
  prefix: string;
  suffix: string;
  text: string;
}

/** Offers the tuned model's continuation in Python files. */
export class PythonCompletionProvider implements vscode.InlineCompletionItemProvider {
  #last: LastSuggestion | undefined;

  constructor(private readonly controller: CompletionController) {}

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    if (!vscode.workspace.isTrusted) return [];
    const line = document.lineAt(position.line).text;
    const linePrefix = line.slice(0, position.character);
    const lineSuffix = line.slice(position.character);
    const invoked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
    if (!invoked && !canComplete(linePrefix, lineSuffix)) return [];
    const text = document.getText();
    const offset = document.offsetAt(position);
    const prefix = text.slice(Math.max(0, offset - PREFIX_CHARACTERS), offset);
    const suffix = text.slice(offset, offset + SUFFIX_CHARACTERS);
    const known = this.#known(document, offset, prefix, suffix);
    if (known !== null) return [item(known, position, lineSuffix)];
    const abort = new AbortController();
    const subscription = token.onCancellationRequested(() => abort.abort());
    try {
      const { completionDelay, completionMaxTokens } = readSettings();
      if (!invoked && !(await pause(completionDelay, token))) return [];
      const completion = await this.controller.complete(
        {
          document: document.uri.toString(),
          prefix,
          suffix,
          multiline: wantsBlock(linePrefix, lineSuffix),
          maxTokens: completionMaxTokens,
          context: [],
          contextTokens: 0,
          instruction: null,
          ahead: false,
        },
        abort.signal,
      );
      if (completion === null || token.isCancellationRequested || completion.text.trim() === "") return [];
      if (closesNothing(completion.text, linePrefix)) return [];
      this.#last = { document, offset, prefix, suffix, text: completion.text };
      return [item(completion.text, position, lineSuffix)];
    } finally {
      subscription.dispose();
    }
  }

  /** The rest of the last suggestion, where the user has typed along it since. */
  #known(document: vscode.TextDocument, offset: number, prefix: string, suffix: string): string | null {
    const last = this.#last;
    if (last === undefined || last.document !== document || offset < last.offset || last.suffix !== suffix) return null;
    const typedLength = offset - last.offset;
    const typed = prefix.slice(prefix.length - typedLength);
    if (typed.length !== typedLength) return null;
    const before = prefix.slice(0, prefix.length - typedLength);
    if (!last.prefix.endsWith(before) && !before.endsWith(last.prefix)) return null;
    return remainderAfterTyping(last.text, typed);
  }
}

function item(text: string, position: vscode.Position, lineSuffix: string): vscode.InlineCompletionItem {
  const end = position.translate(0, coveredClosers(text, lineSuffix));
  return new vscode.InlineCompletionItem(text, new vscode.Range(position, end));
}

/** False where the user typed on in the meantime. */
function pause(milliseconds: number, token: vscode.CancellationToken): Promise<boolean> {
  if (token.isCancellationRequested) return Promise.resolve(false);
  return new Promise((resolve) => {
    const subscription = token.onCancellationRequested(() => end(false));
    const timer = setTimeout(() => end(true), milliseconds);
    const end = (waited: boolean) => {
      clearTimeout(timer);
      subscription.dispose();
      resolve(waited);
    };
  });
}
