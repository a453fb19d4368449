import * as vscode from "vscode";

const OFF_KEY = "tunesmith.completionOff";
const SETTING = "completion.enabled";

/** How far a change of the setting reaches. */
export type EnabledScope = "everywhere" | "python" | "folder";

/** Why nothing is completed in a document. */
export type OffReason = "workspace" | "setting";

/**
 * Whether completion is wanted: the switch of this workspace, which the command turns and which is kept in its state, and
 * the setting `tunesmith.completion.enabled` of the document's language and folder. Both must be on.
 */
export class CompletionSwitch implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  /** The answer may be another one now, for any document. */
  readonly onDidChange = this.#changed.event;
  readonly #subscription: vscode.Disposable;

  constructor(private readonly extension: vscode.ExtensionContext) {
    this.#subscription = vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(`tunesmith.${SETTING}`)) this.#changed.fire();
    });
  }

  isEnabled(document: vscode.TextDocument): boolean {
    return this.whyOff(document) === null;
  }

  /** Null: it is on. Without a document: in Python anywhere in this workspace. */
  whyOff(document: vscode.TextDocument | undefined): OffReason | null {
    if (!this.on) return "workspace";
    return section(document).get<unknown>(SETTING) === false ? "setting" : null;
  }

  /** Of the Python file in front, else of Python anywhere in this workspace. */
  get offHere(): OffReason | null {
    const document = vscode.window.activeTextEditor?.document;
    return this.whyOff(document?.languageId === "python" ? document : undefined);
  }

  /** The switch of this workspace alone. */
  get on(): boolean {
    return this.extension.workspaceState.get<unknown>(OFF_KEY) !== true;
  }

  async setOn(on: boolean): Promise<void> {
    await this.extension.workspaceState.update(OFF_KEY, on ? undefined : true);
    this.#changed.fire();
    // What is in sight was offered before.
    if (!on) await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
  }

  /** What the setting says at this scope, where it says anything there; else what holds there by the wider ones. */
  isSet(scope: EnabledScope, folder?: vscode.Uri): boolean {
    const found = at(scope, folder).inspect<unknown>(SETTING);
    const everywhere = found?.globalValue !== false;
    const python = found?.globalLanguageValue === undefined ? everywhere : found.globalLanguageValue !== false;
    switch (scope) {
      case "everywhere":
        return everywhere;
      case "python":
        return python;
      case "folder":
        return at(scope, folder).get<unknown>(SETTING) !== false;
    }
  }

  /**
   * Writes the setting, or takes away what it says at this scope where the wider ones agree. Rejects where VS Code cannot
   * write it, such as a folder's in a read-only workspace.
   */
  async set(scope: EnabledScope, on: boolean, folder?: vscode.Uri): Promise<void> {
    const configuration = at(scope, folder);
    // A value for Python beats any value without a language, at whatever scope it stands.
    const forPython = scope === "python" || (scope === "folder" && hasLanguageValue(configuration));
    const target = scope === "folder" ? folderTarget() : vscode.ConfigurationTarget.Global;
    await configuration.update(SETTING, undefined, target, forPython);
    if (this.isSet(scope, folder) !== on) await configuration.update(SETTING, on, target, forPython);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }
}

function section(document: vscode.TextDocument | undefined): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration("tunesmith", document ?? { languageId: "python" });
}

function at(scope: EnabledScope, folder: vscode.Uri | undefined): vscode.WorkspaceConfiguration {
  if (scope === "everywhere") return vscode.workspace.getConfiguration("tunesmith");
  const where = scope === "folder" && folder !== undefined ? { uri: folder } : {};
  return vscode.workspace.getConfiguration("tunesmith", { ...where, languageId: "python" });
}

function hasLanguageValue(configuration: vscode.WorkspaceConfiguration): boolean {
  return (configuration.inspect(SETTING)?.languageIds ?? []).includes("python");
}

/** A workspace of one folder has its settings in that folder. */
function folderTarget(): vscode.ConfigurationTarget {
  return vscode.workspace.workspaceFile === undefined
    ? vscode.ConfigurationTarget.Workspace
    : vscode.ConfigurationTarget.WorkspaceFolder;
}
