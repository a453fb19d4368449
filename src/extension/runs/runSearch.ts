import * as vscode from "vscode";

const CONTEXT_KEY = "tunesmith.runsSearched";

/** What the list of runs is narrowed to; empty: all of them. */
export class RunSearch implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  #text = "";

  get text(): string {
    return this.#text;
  }

  set(text: string): void {
    const trimmed = text.trim();
    if (trimmed === this.#text) return;
    this.#text = trimmed;
    void vscode.commands.executeCommand("setContext", CONTEXT_KEY, trimmed !== "");
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
