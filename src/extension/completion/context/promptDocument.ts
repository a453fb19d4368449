import * as vscode from "vscode";
import type { CompletionController } from "../completionController";
import { promptReport } from "./promptReport";

const SCHEME = "tunesmith-prompt";
/** While it is open it follows the completions, at most so often. */
const REFRESH_MS = 1000;

/** The last prompt as a read-only Markdown document that VS Code's own preview shows. */
export class PromptDocument implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];
  #refresh: NodeJS.Timeout | undefined;

  constructor(private readonly completion: Pick<CompletionController, "showPrompt" | "onDidChangeBusy">) {
    this.#subscriptions = [
      this.#changed,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      completion.onDidChangeBusy((busy) => {
        if (!busy && openUris().length > 0) this.#refresh ??= setTimeout(() => this.#tell(), REFRESH_MS);
      }),
    ];
  }

  #tell(): void {
    clearTimeout(this.#refresh);
    this.#refresh = undefined;
    for (const uri of openUris()) this.#changed.fire(uri);
  }

  async provideTextDocumentContent(): Promise<string> {
    return promptReport(await this.completion.showPrompt());
  }

  /** In the preview, or as text where VS Code's Markdown extension is turned off. */
  async open(): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${vscode.l10n.t("Last prompt")}.md` });
    this.#tell();
    const document = await vscode.workspace.openTextDocument(uri);
    try {
      await vscode.commands.executeCommand("markdown.showPreviewToSide", uri);
    } catch {
      await vscode.window.showTextDocument(document, { preview: true });
    }
  }

  dispose(): void {
    clearTimeout(this.#refresh);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

function openUris(): vscode.Uri[] {
  return vscode.workspace.textDocuments.flatMap(({ uri }) => (uri.scheme === SCHEME ? [uri] : []));
}
