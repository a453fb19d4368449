import * as vscode from "vscode";

export interface FoundProblem {
  row: number;
  reason: string;
  message: string;
}

/** VS Code keeps about as many for a file. */
const MOST_PROBLEMS = 1000;

/**
 * What the command Validate found, in Problems. Data sets that are open in an editor are left out: the language server
 * reports those as they change, and twice would be once too many.
 */
export class ProblemReporter implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection("tunesmith.validate");
  readonly #subscription: vscode.Disposable;

  constructor() {
    this.#subscription = vscode.workspace.onDidOpenTextDocument((document) => this.#collection.delete(document.uri));
  }

  report(file: vscode.Uri, problems: readonly FoundProblem[]): void {
    this.#collection.delete(file);
    const open = vscode.workspace.textDocuments.some((document) => document.uri.toString() === file.toString());
    if (open) return;
    this.#collection.set(file, problems.slice(0, MOST_PROBLEMS).map(toDiagnostic));
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#collection.dispose();
  }
}

function toDiagnostic({ row, reason, message }: FoundProblem): vscode.Diagnostic {
  const range = new vscode.Range(row - 1, 0, row - 1, Number.MAX_SAFE_INTEGER);
  const diagnostic = new vscode.Diagnostic(range, message, vscode.DiagnosticSeverity.Error);
  diagnostic.source = "Tunesmith";
  diagnostic.code = reason;
  return diagnostic;
}
