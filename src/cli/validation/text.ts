/** A validation in words, for terminals and logs. */

import { SEVERITIES } from "../../dataset/checks/severities";
import type { Severity } from "../../dataset/checks/table";
import type { LeftOut } from "../../dataset/duplicates/fileChecks";
import type { Scan } from "../../dataset/scan/scanFile";
import { grouped } from "../runText";
import type { ValidationDocument, ValidationProblem } from "./document";

export function problemLine(file: string, { line, column, severity, message, check }: ValidationProblem): string {
  return `${file}:${line}:${column}: ${severity}: ${message} (${check})`;
}

export function totalProblems({ totals }: Pick<ValidationDocument, "totals">): number {
  return totals.error + totals.warning + totals.information;
}

/** One line for each thing to say: the problems that are not listed, the totals, what was left unchecked. */
export function summaryLines(document: ValidationDocument, { notCompared }: Scan): string[] {
  const { file, totals, problems } = document;
  const more = totalProblems(document) - problems.length;
  return [
    ...(more > 0
      ? [`${grouped(more)} more problems in ${file} are not listed; --max-problems sets how many are.`]
      : []),
    totalsLine(document),
    ...(totals.checks === "structure" ? [UNCHECKED] : []),
    ...notComparedLines(notCompared),
  ];
}

const UNCHECKED =
  "Structure and exact duplicates were checked, texts were not: --checks all checks them too, which takes longer.";

function totalsLine({ file, format, rows, totals }: ValidationDocument): string {
  const found = SEVERITIES.filter((severity) => totals[severity] > 0).map((severity) =>
    countOf(totals[severity], severity),
  );
  const line = [
    `${file}: ${format ?? "unknown format"}`,
    `${grouped(rows)} row${rows === 1 ? "" : "s"}`,
    `${grouped(totals.usable)} usable`,
    found.length === 0 ? "no problems" : found.join(", "),
  ].join(", ");
  return totals.usable > 0 ? `${line}.` : `${line}. No row can be used: a run on this file cannot start.`;
}

function countOf(count: number, severity: Severity): string {
  const names: Record<Severity, [one: string, many: string]> = {
    error: ["error", "errors"],
    warning: ["warning", "warnings"],
    information: ["note", "notes"],
  };
  return `${grouped(count)} ${names[severity][count === 1 ? 0 : 1]}`;
}

export function notComparedLines({ exact, near }: LeftOut): string[] {
  const limit = (rows: number, kind: string) =>
    `The last ${grouped(rows)} rows were compared for ${kind} with the rows before them, not with each other.`;
  return [...(exact > 0 ? [limit(exact, "duplicates")] : []), ...(near > 0 ? [limit(near, "near-duplicates")] : [])];
}
