import { join } from "node:path";
import * as vscode from "vscode";
import type { JobProblem } from "../../protocol/job";
import { type ShownProblem, shownProblems } from "./shownProblems";

const SEVERITIES = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  information: vscode.DiagnosticSeverity.Information,
};

/** VS Code takes these away, or mends them, before the language server sees the text. */
const HIDDEN_IN_EDITORS: ReadonlySet<string> = new Set(["byte-order-mark", "mixed-line-ends", "invalid-utf8"]);

/**
 * What the command Validate found, in Problems. Data sets that are open in an editor are left out: the language server
 * reports those as they change, and twice would be once too many. Files above some 50 MB, which VS Code shows but hands
 * to no extension, never count as open here.
 */
export class ProblemReporter implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection("tunesmith.validate");
  readonly #subscription: vscode.Disposable;

  constructor(private readonly extensionPath: string) {
    this.#subscription = vscode.workspace.onDidOpenTextDocument((document) => this.#collection.delete(document.uri));
  }

  /** `problems`: the most serious of `total`, in their order. */
  report(file: vscode.Uri, problems: readonly JobProblem[], total: number): void {
    this.#collection.delete(file);
    const open = vscode.workspace.textDocuments.some((document) => document.uri.toString() === file.toString());
    const hidden = problems.filter(({ check }) => HIDDEN_IN_EDITORS.has(check));
    const shown = open ? shownProblems(hidden, hidden.length) : shownProblems(problems, total);
    this.#collection.set(
      file,
      shown.map((problem) => this.#diagnostic(problem)),
    );
  }

  clear(file: vscode.Uri): void {
    this.#collection.delete(file);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#collection.dispose();
  }

  #diagnostic({ line, start, end, check, severity, message }: ShownProblem): vscode.Diagnostic {
    const diagnostic = new vscode.Diagnostic(new vscode.Range(line, start, line, end), message, SEVERITIES[severity]);
    diagnostic.source = "Tunesmith";
    const page = vscode.Uri.file(join(this.extensionPath, "docs", "checks", `${check}.md`));
    diagnostic.code = { value: check, target: page };
    return diagnostic;
  }
}
