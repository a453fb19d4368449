/** Publishes what is wrong with a data set, as more becomes known of it. */

import { type Diagnostic, DiagnosticSeverity } from "vscode-languageserver";
import type { Severity } from "../../dataset/checks/table";
import type { AnalysisProgress } from "../analyses";
import type { Feature, ServerContext } from "../feature";
import { collectFindings, type LineFinding, MOST_FINDINGS } from "../findings";
import type { JsonlDocument } from "../jsonlDocument";

const SEVERITIES: Record<Severity, DiagnosticSeverity> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
};

export const diagnostics: Feature = {
  register(context) {
    context.analyses.onDidProgress((progress) => publish(context, progress));
    context.documents.onDidClose(({ document }) => {
      void context.connection.sendDiagnostics({ uri: document.uri, diagnostics: [] });
    });
  },
};

function publish(context: ServerContext, { analysis, state }: AnalysisProgress): void {
  const { document } = analysis;
  const { findings } = collectFindings(analysis, state, context.lengthCheck(), context.severities());
  void context.connection.sendDiagnostics({
    uri: document.uri,
    version: state.version,
    diagnostics: findings
      .flatMap((found) => drawn(toDiagnostic(document, found, context.checkPages)))
      .slice(0, MOST_FINDINGS),
  });
}

/** VS Code draws no more of a line (`editor.stopRenderingLineAfter`). */
const LAST_DRAWN_COLUMN = 10_000;

/** What lies beyond what is drawn is marked at its row's start too. */
function drawn(diagnostic: Diagnostic): Diagnostic[] {
  const { start } = diagnostic.range;
  if (start.character < LAST_DRAWN_COLUMN) return [diagnostic];
  const message = `${diagnostic.message} (at column ${(start.character + 1).toLocaleString("en")} of this row)`;
  const range = { start: { line: start.line, character: 0 }, end: { line: start.line, character: 1 } };
  return [diagnostic, { ...diagnostic, range, message }];
}

/** `checkPages`: the folder of the checks' pages, ending in a slash; null leaves the code without a link. */
export function toDiagnostic(
  document: JsonlDocument,
  { line, finding, severity }: LineFinding,
  checkPages: string | null = null,
): Diagnostic {
  return {
    range: document.rangeInLine(line, finding.offset, finding.length),
    severity: SEVERITIES[severity],
    code: finding.check,
    ...(checkPages ? { codeDescription: { href: `${checkPages}${finding.check}.md` } } : {}),
    source: "Tunesmith",
    message: finding.message,
  };
}
