/** Publishes what is wrong with a data set, as more becomes known of it. */

import { type Diagnostic, DiagnosticSeverity } from "vscode-languageserver";
import type { Severity } from "../../dataset/checks/table";
import type { AnalysisProgress } from "../analyses";
import type { Feature, ServerContext } from "../feature";
import { collectFindings, type LineFinding } from "../findings";
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
    diagnostics: findings.map((found) => toDiagnostic(document, found, context.checkPages)),
  });
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
