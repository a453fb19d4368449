import * as vscode from "vscode";
import type { TrackedRun } from "./runRegistry";

/**
 * A command without arguments for each run that a tree or the status bar shows. VS Code keeps the arguments of an item's
 * command only until the item is drawn anew: a click in that moment would find no command (microsoft/vscode#173233), and
 * a run that trains is drawn anew all the time.
 */
export class OpenRunCommands implements vscode.Disposable {
  readonly #registered = new Map<string, vscode.Disposable>();

  of(run: TrackedRun): vscode.Command {
    // An underscore keeps it out of the list of keyboard shortcuts.
    const command = `_tunesmith.openRun.${run.directory}`;
    if (!this.#registered.has(run.directory)) {
      const open = () => vscode.commands.executeCommand("tunesmith.openRun", run.directory);
      this.#registered.set(run.directory, vscode.commands.registerCommand(command, open));
    }
    return { command, title: vscode.l10n.t("Open Run Panel") };
  }

  dispose(): void {
    for (const registered of this.#registered.values()) registered.dispose();
    this.#registered.clear();
  }
}
