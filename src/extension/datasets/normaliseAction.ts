import * as vscode from "vscode";

const CHECKS: ReadonlySet<string> = new Set(["byte-order-mark", "mixed-line-ends"]);

/** The quick fix of what validation finds on the disk and an edit in an editor cannot mend. */
export const normaliseAction: vscode.CodeActionProvider = {
  provideCodeActions({ uri }, _range, { diagnostics }) {
    const mended = diagnostics.filter(({ code }) => typeof code === "object" && CHECKS.has(String(code.value)));
    if (mended.length === 0) return [];
    const title = vscode.l10n.t("Remove the byte order mark and end every line with LF");
    const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
    action.diagnostics = mended;
    action.isPreferred = true;
    action.command = { command: "tunesmith.normaliseDataset", title, arguments: [uri] };
    return [action];
  },
};
