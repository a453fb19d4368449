import * as vscode from "vscode";
import type { DatasetSummary } from "../../protocol/server";
import { count } from "../figures";
import type { LanguageServer } from "../languageServer";

/** In the status bar's language status: the format of the data set in the editor, its rows and its problems. */
export class FormatStatus implements vscode.Disposable {
  readonly #item: vscode.LanguageStatusItem;
  readonly #summaries = new Map<string, DatasetSummary>();
  readonly #subscriptions: vscode.Disposable[];

  constructor(server: LanguageServer) {
    this.#item = vscode.languages.createLanguageStatusItem("tunesmith.dataset", { language: "jsonl" });
    this.#item.name = vscode.l10n.t("Data set format");
    this.#subscriptions = [
      this.#item,
      server.onDidChangeDataset(({ uri, summary }) => {
        this.#summaries.set(vscode.Uri.parse(uri).toString(), summary);
        this.#show();
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.#show()),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#summaries.delete(uri.toString())),
    ];
    this.#show();
  }

  #show(): void {
    const document = vscode.window.activeTextEditor?.document;
    if (document?.languageId !== "jsonl") return;
    const summary = this.#summaries.get(document.uri.toString());
    this.#item.busy = summary === undefined;
    this.#item.text = summary?.format ?? vscode.l10n.t("No data set");
    this.#item.detail = summary === undefined ? undefined : detailOf(summary);
    const title = vscode.l10n.t("Choose Format");
    this.#item.command = { command: "tunesmith.chooseFormat", title, arguments: [document.uri] };
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

function detailOf({ rows, problems }: DatasetSummary): string {
  const found = problems.error + problems.warning;
  return vscode.l10n.t("{0} rows · {1} problems", count(rows), count(found));
}
