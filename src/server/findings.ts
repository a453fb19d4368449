/** Which of a document's findings are shown: most serious first, a bounded number. Pure. */

import { lineEndFindings } from "../dataset/checks/fileLayout";
import { type Finding, locateProblems } from "../dataset/checks/finding";
import { SEVERITIES, type Severities } from "../dataset/checks/severities";
import type { Severity } from "../dataset/checks/table";
import type { DatasetAnalysis, DatasetState, RowRecord } from "./datasetAnalysis";
import { knownFormats } from "./datasetAnalysis";
import type { Line } from "./jsonlDocument";

/** VS Code itself keeps about as many of one file. */
export const MOST_FINDINGS = 1000;

export interface LineFinding {
  line: number;
  finding: Finding;
  severity: Severity;
}

export interface ShownFindings {
  /** Most serious first, within that from top to bottom. */
  findings: LineFinding[];
  /** Of all findings, shown or not. */
  totals: Record<Severity, number>;
}

/** `countedBy`: the length check whose results count. `most`: findings to show; 0 only counts them. */
export function collectFindings(
  analysis: DatasetAnalysis,
  state: DatasetState,
  countedBy: object | null,
  severities: Severities,
  most = MOST_FINDINGS,
): ShownFindings {
  const found: Record<Severity, LineFinding[]> = { error: [], warning: [], information: [] };
  const totals: Record<Severity, number> = { error: 0, warning: 0, information: 0 };
  const add = (line: number, finding: Finding): void => {
    const severity = severities.of(finding.check);
    if (severity === null) return;
    if (totals[severity]++ < most) found[severity].push({ line, finding, severity });
  };
  addFileFindings(analysis, state, add);
  const { lines } = analysis.document;
  for (let line = 0; line < lines.length; line++) {
    const record = lines[line]!.record;
    if (record) forEachFinding(record, countedBy, (finding) => add(line, finding));
  }
  if (most === 0) return { findings: [], totals };
  const all = SEVERITIES.flatMap((severity) => found[severity]);
  const total = totals.error + totals.warning + totals.information;
  if (total <= most) return { findings: all, totals };
  const shown = all.slice(0, most - 1);
  return { findings: [...shown, notShown(total - shown.length, shown[0]!)], totals };
}

/** Everything that was found in one row. */
function forEachFinding(record: RowRecord, countedBy: object | null, visit: (finding: Finding) => void): void {
  const { syntax, structure, inspection, beside, length } = record;
  if (syntax.length > 0) syntax.forEach(visit);
  if (structure.length > 0) structure.forEach(visit);
  if (inspection !== undefined && inspection.findings.length > 0) inspection.findings.forEach(visit);
  if (beside !== undefined && beside.length > 0) beside.forEach(visit);
  if (length?.finding && length.countedBy === countedBy) visit(length.finding);
}

/** The findings of one line, as far as they are known. */
export function lineFindings(line: Line, countedBy: object | null): Finding[] {
  const findings: Finding[] = [];
  if (line.record) forEachFinding(line.record, countedBy, (finding) => findings.push(finding));
  return findings;
}

function notShown(count: number, beside: LineFinding): LineFinding {
  const { check, offset, length } = beside.finding;
  const message = `${count.toLocaleString("en")} more problems in this file are not shown: mend these first.`;
  return { line: beside.line, severity: "information", finding: { check, message, offset, length } };
}

function addFileFindings(
  analysis: DatasetAnalysis,
  state: DatasetState,
  add: (line: number, finding: Finding) => void,
): void {
  const { lines } = analysis.document;
  for (const { line, finding } of lineEndFindings(lines)) add(line, finding);
  const first = lines.findIndex(({ record }) => record?.kind === "value");
  if (first < 0) return;
  const { text } = lines[first]!;
  const untrainable = state.dialect?.format.untrainable;
  if (untrainable) {
    for (const finding of locateProblems(text, [{ check: "preference-data", message: untrainable, path: [] }]))
      add(first, finding);
  }
  if (state.dialect) return;
  for (const finding of locateProblems(text, [{ check: "no-data-set", message: noDataSet(state), path: [] }]))
    add(first, finding);
}

/** What is said once about a file whose rows fit no format: it may well be something else, such as a log. */
function noDataSet(state: DatasetState): string {
  if (state.resembles) {
    const { name, example } = state.resembles;
    return `Too few rows of this file have all the fields of the ${name} format for it to be checked as a data set: use ${example} in each row.`;
  }
  return `No row of this file fits a format that can be fine-tuned on: use one of ${knownFormats()}.`;
}
