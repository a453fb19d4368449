import type * as vscode from "vscode";

/** How long a page may take to say something, the first time and when its panel was opened anew; then it is let be. */
const PATIENCE_MS = [5_000, 10_000];

/**
 * Tells of a run's panel whose page does not come up. Where VS Code runs in a browser and serves webviews from its own address
 * (code-server does), the service workers of two webviews that load at once replace one another, and a webview that waits
 * for its own one waits for ever. Only a new panel helps.
 */
export class PageWatch implements vscode.Disposable {
  #isUp = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #subscription: vscode.Disposable;

  /** `attempt`: how often the panel was opened anew already. */
  constructor(
    private readonly panel: vscode.WebviewPanel,
    private readonly attempt: number,
    private readonly onSilent: () => void,
  ) {
    this.#subscription = panel.onDidChangeViewState(() => this.#look());
    this.#look();
  }

  /** The page has said something. */
  heard(): void {
    this.#isUp = true;
    this.#stop();
  }

  #look(): void {
    if (!this.panel.visible) {
      // Out of sight a page is gone, and loaded again when the panel comes back.
      this.#isUp = false;
      this.#stop();
      return;
    }
    const patience = PATIENCE_MS[this.attempt];
    if (this.#isUp || this.#timer !== undefined || patience === undefined) return;
    this.#timer = setTimeout(this.onSilent, patience);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  dispose(): void {
    this.#stop();
    this.#subscription.dispose();
  }
}
