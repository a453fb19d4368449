/** Publishes what is wrong with a data set; first what can be seen at once, then what needs the tokenizer. */

import { type Diagnostic, DiagnosticSeverity } from "vscode-languageserver";
import type { FinishedAnalysis } from "../analyses";
import type { Feature, ServerContext } from "../feature";
import { collectFindings, type LineFinding } from "../findings";
import type { JsonlDocument } from "../jsonlDocument";
import type { LengthCheck } from "../lengthCheck";
import type { Severity } from "../rowAnalysis";
import { Cancelled } from "../slices";

const SEVERITIES: Record<Severity, DiagnosticSeverity> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
};

export const diagnostics: Feature = {
  register(context) {
    const publisher = new Publisher(context);
    context.analyses.onDidFinish((finished) => void publisher.publish(finished));
    context.documents.onDidClose(({ document }) => {
      void context.connection.sendDiagnostics({ uri: document.uri, diagnostics: [] });
    });
    context.onDidChangeSettings(() => {
      for (const document of context.documents.all()) context.analyses.update(document);
    });
  },
};

class Publisher {
  /** Checks whose tokenizer could not be read: said once each. */
  private readonly failed = new WeakSet<LengthCheck>();

  constructor(private readonly context: ServerContext) {}

  /** Never rejects: nobody waits for it. */
  async publish(finished: FinishedAnalysis): Promise<void> {
    const check = this.context.lengthCheck();
    try {
      this.send(finished, check);
      if (!check || this.failed.has(check)) return;
      if (await check.run(finished.analysis, finished.state, finished.signal)) this.send(finished, check);
    } catch (error) {
      if (!(error instanceof Cancelled)) this.reportFailure(check, error);
    }
  }

  private send({ analysis, state, signal }: FinishedAnalysis, check: LengthCheck | null): void {
    if (signal.aborted) return;
    const { document } = analysis;
    const findings = collectFindings(analysis, state, check);
    void this.context.connection.sendDiagnostics({
      uri: document.uri,
      version: state.version,
      diagnostics: findings.map((found) => toDiagnostic(document, found)),
    });
  }

  private reportFailure(check: LengthCheck | null, error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    const { connection } = this.context;
    if (!check) {
      connection.console.error(`Diagnostics could not be published: ${cause}`);
      return;
    }
    if (this.failed.has(check)) return;
    this.failed.add(check);
    connection.window.showWarningMessage(
      `Rows are not measured while editing: ${cause} (setting tunesmith.tokenizerPath)`,
    );
  }
}

export function toDiagnostic(document: JsonlDocument, { line, finding }: LineFinding): Diagnostic {
  return {
    range: document.rangeInLine(line, finding.offset, finding.length),
    severity: SEVERITIES[finding.severity],
    code: finding.reason,
    source: "Tunesmith",
    message: finding.message,
  };
}
