/** The stage that sets a file's rows beside each other: duplicates, conflicts, leakage, lengths, tasks. */

import { type Finding, locateProblems } from "../dataset/checks/finding";
import { type FileCheckFacts, FileChecks, fileFindings } from "../dataset/duplicates/fileChecks";
import type { FileFinding } from "../dataset/duplicates/finding";
import type { HeldOutIndex } from "../dataset/duplicates/heldOutLeak";
import type { DatasetAnalysis } from "./datasetAnalysis";
import { Slices } from "./slices";

const NONE: readonly Finding[] = [];
const KNOWN_LINE = 16;

/** Of each document: what was compared last, for the hover and for go-to-duplicate. */
const compared = new WeakMap<DatasetAnalysis, { checks: FileChecks; findings: Map<number, FileFinding[]> }>();

/** Rows are numbered by line, from 1, as messages show them. True if any finding came or went. */
export async function compareRows(
  analysis: DatasetAnalysis,
  heldOut: HeldOutIndex | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const slices = new Slices(signal);
  const { lines } = analysis.document;
  const checks = new FileChecks({ expectedRows: lines.length, ...(heldOut ? { heldOut } : {}) });
  const findings = await fileFindings(factsByRow(analysis), checks, () =>
    slices.due(KNOWN_LINE * 8) ? slices.next() : undefined,
  );
  if (signal.aborted) await slices.next();
  compared.set(analysis, { checks, findings });
  let changed = false;
  for (let line = 0; line < lines.length; line++) {
    const { record, text } = lines[line]!;
    if (!record) continue;
    const found = findings.get(line + 1);
    const before = record.beside ?? NONE;
    if (!found && before.length === 0) continue;
    if (slices.due(text.length)) await slices.next();
    record.beside = found
      ? locateProblems(
          text,
          found.map(({ problem }) => problem),
        )
      : NONE;
    changed = true;
  }
  return changed;
}

/** The rows that the findings of a line name: 1-based. */
export function relatedRows(analysis: DatasetAnalysis, line: number): FileFinding[] {
  return compared.get(analysis)?.findings.get(line + 1) ?? [];
}

/** The index of the last comparison, if there was one. */
export function comparison(analysis: DatasetAnalysis): FileChecks | undefined {
  return compared.get(analysis)?.checks;
}

function* factsByRow({ document }: DatasetAnalysis): Generator<readonly [number, FileCheckFacts]> {
  for (let line = 0; line < document.lines.length; line++) {
    const facts = document.lines[line]!.record?.inspection?.facts;
    if (facts) yield [line + 1, facts];
  }
}
