/** Which of a document's findings are shown: most serious first, a bounded number. Pure. */

import type { DatasetAnalysis, DatasetState, RowRecord } from "./datasetAnalysis";
import { knownFormats } from "./datasetAnalysis";
import { type Finding, locate, type Severity } from "./rowAnalysis";

/** VS Code itself keeps about as many of one file. */
export const MOST_FINDINGS = 1000;

export interface LineFinding {
  line: number;
  finding: Finding;
}

const RANK: Record<Severity, number> = { error: 0, warning: 1, information: 2 };

/** The findings to show: most serious first, within that from top to bottom. */
export function collectFindings(
  analysis: DatasetAnalysis,
  state: DatasetState,
  countedBy: object | null,
  most = MOST_FINDINGS,
): LineFinding[] {
  const bySeverity: LineFinding[][] = [[], [], []];
  const counts = [0, 0, 0];
  const { lines } = analysis.document;
  for (let line = 0; line < lines.length; line++) {
    const record = lines[line]!.record;
    if (!record) continue;
    for (const finding of findingsOf(record, countedBy)) {
      const rank = RANK[finding.severity];
      if (counts[rank]!++ < most) bySeverity[rank]!.push({ line, finding });
    }
  }
  const aboutFile = fileFinding(analysis, state);
  if (aboutFile) bySeverity[RANK[aboutFile.finding.severity]]!.unshift(aboutFile);
  const all = bySeverity.flat();
  const total = counts[0]! + counts[1]! + counts[2]! + (aboutFile ? 1 : 0);
  if (total <= most) return all;
  const shown = all.slice(0, most - 1);
  return [...shown, notShown(total - shown.length, shown[0]!)];
}

/** How many findings rows have, shown or not. */
export function countProblems(analysis: DatasetAnalysis, countedBy: object | null): number {
  let problems = 0;
  for (const line of analysis.document.lines) {
    const record = line.record;
    if (record) problems += findingsOf(record, countedBy).length;
  }
  return problems;
}

const NONE: readonly Finding[] = [];

function findingsOf(record: RowRecord, countedBy: object | null): readonly Finding[] {
  const length = record.length && record.length.countedBy === countedBy ? record.length.finding : null;
  if (record.syntax.length === 0 && !length) return record.problems.length === 0 ? NONE : record.problems;
  return length ? [...record.syntax, ...record.problems, length] : [...record.syntax, ...record.problems];
}

function notShown(count: number, beside: LineFinding): LineFinding {
  const { reason, offset, length } = beside.finding;
  const message = `${count.toLocaleString("en")} more problems in this file are not shown: mend these first.`;
  return { line: beside.line, finding: { reason, severity: "information", message, offset, length } };
}

/** What is said once about a file whose rows fit no format: it may well be something else, such as a log. */
function fileFinding(analysis: DatasetAnalysis, state: DatasetState): LineFinding | null {
  if (state.format) return null;
  const { lines } = analysis.document;
  const line = lines.findIndex((candidate) => candidate.record?.kind === "value");
  if (line < 0) return null;
  const [found] = locate(lines[line]!.text, [{ reason: "unknown-format", message: fileMessage(state), path: [] }]);
  return found ? { line, finding: { ...found, severity: "information" } } : null;
}

function fileMessage(state: DatasetState): string {
  if (state.resembles) {
    const { name, example } = state.resembles;
    return `Too few rows of this file have all the fields of the ${name} format for it to be checked as a data set: use ${example} in each row.`;
  }
  return `No row of this file fits a format that can be fine-tuned on: use one of ${knownFormats()}.`;
}
