import * as vscode from "vscode";
import type { Services } from "../context";
import type { TrackedRun } from "../runs/runRegistry";
import { parseCompareViewState } from "./compareMessages";
import { ComparePanel } from "./comparePanel";
import { webviewOptions } from "./webviewHtml";

export const COMPARE_VIEW_TYPE = "tunesmith.compare";

/** Comparisons of runs, each in a panel of its own; the same runs share one. */
export class ComparePanels implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #panels = new Set<ComparePanel>();

  constructor(private readonly services: () => Services) {}

  open(runs: readonly TrackedRun[]): void {
    const ids = runs.map((run) => run.directory);
    const open = [...this.#panels].find((panel) => sameRuns(panel.ids, ids));
    if (open !== undefined) {
      open.reveal();
      return;
    }
    const { extensionUri } = this.services().extension;
    const panel = vscode.window.createWebviewPanel(COMPARE_VIEW_TYPE, "Tunesmith", vscode.ViewColumn.Active, {
      ...webviewOptions(extensionUri),
      enableFindWidget: true,
    });
    this.#add(panel, ids);
  }

  /** After a reload of the window: what the page had kept says what to show. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, kept: unknown): Promise<void> {
    const state = parseCompareViewState(kept);
    if (state === undefined || !vscode.workspace.isTrusted) {
      panel.dispose();
      return;
    }
    panel.webview.options = webviewOptions(this.services().extension.extensionUri);
    const { runs } = this.services();
    await runs.load();
    this.#add(
      panel,
      state.ids.map((id) => runs.find(id)?.directory ?? id),
    );
  }

  #add(webviewPanel: vscode.WebviewPanel, ids: string[]): void {
    const panel = new ComparePanel(this.services(), webviewPanel, ids);
    this.#panels.add(panel);
    webviewPanel.onDidDispose(() => {
      panel.release();
      this.#panels.delete(panel);
    });
  }

  dispose(): void {
    // The panels themselves stay: VS Code brings them back after the reload.
    for (const panel of this.#panels) panel.release();
    this.#panels.clear();
  }
}

function sameRuns(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((id) => others.includes(id));
}
