import * as vscode from "vscode";

/** Kept per workspace, where no file of the folder can write to. */
const KEY = "tunesmith.runCode";

/** Whether code that a model has written may be run: only where the user has said so in this workspace. */
export class CodePermission {
  constructor(private readonly state: vscode.Memento) {}

  get given(): boolean {
    return vscode.workspace.isTrusted && this.state.get<unknown>(KEY) === true;
  }

  /** Asks unless it has been given. False where it was refused: the question comes again the next time. */
  async ask(): Promise<boolean> {
    if (!vscode.workspace.isTrusted) return false;
    if (this.given) return true;
    const run = vscode.l10n.t("Run Code");
    const detail = vscode.l10n.t(
      "The tests in your data call code that the model has just written. It is run by your python3 in an enclosure: without network, without your files, for at most 10 seconds and with little memory. That makes harm unlikely, not impossible. Your answer holds for this workspace until you choose Forget Permission to Run Code.",
    );
    const question = vscode.l10n.t("Run code that a model has written?");
    if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, run)) !== run) return false;
    await this.state.update(KEY, true);
    return true;
  }

  async forget(): Promise<void> {
    await this.state.update(KEY, undefined);
  }
}
