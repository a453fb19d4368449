import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { FromDatasetView, ToDatasetView } from "../../protocol/datasetView";
import type { Services } from "../context";
import { runJob } from "../jobs/runJob";
import { openRow } from "../panels/openRow";
import { webviewHtml, webviewOptions } from "../panels/webviewHtml";
import { parseDatasetViewState, parseFromDatasetView } from "./datasetViewMessages";
import { DatasetViewSession } from "./datasetViewSession";
import { jobSettings } from "./jobSettings";

export const DATASET_VIEW_TYPE = "tunesmith.datasetView";
const SETTINGS = ["checks", "dataSets", "sequenceLength", "tokenizerPath"];

/** One view a data set. Works in untrusted workspaces: nothing of theirs is run. */
export class DatasetViews implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #views = new Map<string, DatasetView>();

  constructor(private readonly services: () => Services) {}

  open(dataset: vscode.Uri): void {
    const open = this.#views.get(dataset.toString());
    if (open !== undefined) {
      open.reveal();
      return;
    }
    const panel = vscode.window.createWebviewPanel(
      DATASET_VIEW_TYPE,
      basename(dataset.fsPath),
      vscode.window.activeTextEditor === undefined ? vscode.ViewColumn.Active : vscode.ViewColumn.Beside,
      { ...webviewOptions(this.services().extension.extensionUri), enableFindWidget: true },
    );
    this.#add(panel, dataset);
  }

  /** After a reload of the window: what the page had kept says what to show. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, kept: unknown): Promise<void> {
    const state = parseDatasetViewState(kept);
    if (state === undefined) {
      panel.dispose();
      return;
    }
    panel.webview.options = webviewOptions(this.services().extension.extensionUri);
    this.#add(panel, vscode.Uri.file(state.dataset));
  }

  #add(panel: vscode.WebviewPanel, dataset: vscode.Uri): void {
    const key = dataset.toString();
    this.#views.set(key, new DatasetView(this.services(), panel, dataset));
    panel.onDidDispose(() => {
      this.#views.get(key)?.release();
      this.#views.delete(key);
    });
  }

  dispose(): void {
    // The panels themselves stay: VS Code brings them back after the reload.
    for (const view of this.#views.values()) view.release();
    this.#views.clear();
  }
}

class DatasetView {
  readonly #session: DatasetViewSession;
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    private readonly services: Services,
    private readonly panel: vscode.WebviewPanel,
    private readonly dataset: vscode.Uri,
  ) {
    const { extensionUri } = services.extension;
    const icon = (theme: string) => vscode.Uri.joinPath(extensionUri, "media", `tunesmith-${theme}.svg`);
    panel.iconPath = { light: icon("light"), dark: icon("dark") };
    panel.title = basename(dataset.fsPath);
    this.#session = this.#createSession();
    const look = () => void this.#session.lookForChange();
    const folder = vscode.Uri.file(dirname(dataset.fsPath));
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(folder, globOf(basename(dataset.fsPath))),
    );
    this.#subscriptions = [
      watcher,
      watcher.onDidChange(look),
      watcher.onDidCreate(look),
      watcher.onDidDelete(look),
      panel.onDidChangeViewState(look),
      panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (SETTINGS.some((name) => event.affectsConfiguration(`tunesmith.${name}`, dataset))) {
          void this.#session.refresh();
        }
      }),
    ];
    panel.webview.html = webviewHtml(panel.webview, extensionUri, "dataset-view");
  }

  reveal(): void {
    this.panel.reveal();
  }

  release(): void {
    this.#session.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #createSession(): DatasetViewSession {
    const { dataset, services } = this;
    return new DatasetViewSession(dataset.fsPath, {
      report: (signal, onProgress) =>
        runJob({
          extensionPath: services.extension.extensionPath,
          args: ["dataset", "statistics", dataset.fsPath, "--settings", jobSettings(dataset)],
          signal,
          onProgress,
        }),
      preview: (place) =>
        services.languageServer.request("tunesmith/rowPreview", { uri: dataset.toString(), ...place }),
      stamp: () =>
        stat(dataset.fsPath).then(
          ({ size, mtimeMs }) => ({ bytes: size, modified: mtimeMs }),
          () => null,
        ),
      post: (message: ToDatasetView) => void this.panel.webview.postMessage(message),
      translate: stageName,
      texts: {
        reading: vscode.l10n.t("Reading the file"),
        changed: vscode.l10n.t("The file has changed since it was read: refresh the view."),
      },
    });
  }

  #receive(value: unknown): void {
    const message = parseFromDatasetView(value);
    if (message === undefined) {
      this.services.log.warn("The data set view sent a message that is not one of its protocol.");
      return;
    }
    this.#act(message).catch((error: unknown) => void vscode.window.showErrorMessage(describeError(error)));
  }

  async #act(message: FromDatasetView): Promise<void> {
    const { dataset } = this;
    switch (message.type) {
      case "ready":
        return this.#session.show();
      case "refresh":
        return this.#session.refresh();
      case "cancel":
        return this.#session.cancel();
      case "fineTune":
        return vscode.commands.executeCommand("tunesmith.fineTune", dataset);
      case "validate":
        return vscode.commands.executeCommand("tunesmith.validateDataset", dataset);
      case "showRow":
        return this.#session.showRow(message.row);
      case "openRow":
        return openRow(dataset, message.row, this.#editorColumn());
      case "openDataset":
        return openRow(dataset, 1, this.#editorColumn());
      case "openCheck":
        return this.#openCheck(message.check);
      case "setTokenizer":
        return vscode.commands.executeCommand("workbench.action.openSettings", "tunesmith.tokenizerPath");
    }
  }

  async #openCheck(check: string): Promise<void> {
    const page = join(this.services.extension.extensionPath, "docs", "checks", `${check}.md`);
    await vscode.commands.executeCommand("markdown.showPreview", vscode.Uri.file(page));
  }

  /** Where the data set is open, even if it is too large to be handed to extensions; else beside this view. */
  #editorColumn(): vscode.ViewColumn {
    const isDataset = ({ input }: vscode.Tab) =>
      input instanceof vscode.TabInputText && input.uri.toString() === this.dataset.toString();
    const group = vscode.window.tabGroups.all.find(({ tabs }) => tabs.some(isDataset));
    if (group !== undefined) return group.viewColumn;
    const here = this.panel.viewColumn ?? vscode.ViewColumn.One;
    return here === vscode.ViewColumn.One ? vscode.ViewColumn.Beside : vscode.ViewColumn.One;
  }
}

/** A file's name as a pattern that fits it alone. */
function globOf(name: string): string {
  return name.replace(/[[\]{}*?]/g, (sign) => (sign === "]" || sign === "}" ? "?" : `[${sign}]`));
}

function stageName(stage: string): string {
  const names: Record<string, string> = {
    "Loading the tokenizer": vscode.l10n.t("Loading the tokenizer"),
    "Checking rows": vscode.l10n.t("Checking rows"),
    "Picking rows to show": vscode.l10n.t("Picking rows to show"),
  };
  return names[stage] ?? stage;
}
