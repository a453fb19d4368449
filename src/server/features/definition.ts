/** From a row to the row that it repeats, nearly repeats or contradicts, and from that one back to all of them. */

import type { Location } from "vscode-languageserver";
import type { CheckId } from "../../dataset/checks/table";
import type { DatasetAnalysis } from "../datasetAnalysis";
import type { Feature, ServerContext } from "../feature";
import { relatedRows } from "../fileStage";

/** A row of a held-out file, which a leak names, is none of this file's. */
const WITHIN_FILE: ReadonlySet<CheckId> = new Set<CheckId>(["duplicate-row", "near-duplicate", "conflicting-answers"]);

export const definition: Feature = {
  capabilities: { definitionProvider: true, referencesProvider: true },
  register(context) {
    context.connection.onDefinition(({ textDocument, position }): Location[] => {
      const analysis = context.analyses.analysis(textDocument.uri);
      return analysis ? locations(analysis, namedRows(analysis, position.line)) : [];
    });
    context.connection.onReferences(({ textDocument, position, context: { includeDeclaration } }): Location[] =>
      references(context, textDocument.uri, position.line, includeDeclaration),
    );
  },
};

/** 1-based, as findings name rows. */
function namedRows(analysis: DatasetAnalysis, line: number): number[] {
  const rows = relatedRows(analysis, line)
    .filter(({ problem, other }) => other !== undefined && WITHIN_FILE.has(problem.check))
    .map(({ other }) => other!);
  return [...new Set(rows)];
}

/** The rows that name this row or the one that it names; with `andFirst` those that are named too. */
function references(context: ServerContext, uri: string, line: number, andFirst: boolean): Location[] {
  const analysis = context.analyses.analysis(uri);
  if (!analysis) return [];
  const first = new Set([...namedRows(analysis, line), line + 1]);
  const rows: number[] = [];
  for (let candidate = 0; candidate < analysis.document.lines.length; candidate++) {
    const named = namedRows(analysis, candidate).some((row) => first.has(row));
    if (named || (andFirst && first.has(candidate + 1))) rows.push(candidate + 1);
  }
  // A row that has nothing to do with any other is no reference to itself.
  return rows.length === 1 && rows[0] === line + 1 ? [] : locations(analysis, rows);
}

function locations({ document }: DatasetAnalysis, rows: readonly number[]): Location[] {
  return rows
    .filter((row) => row <= document.lines.length)
    .map((row) => ({
      uri: document.uri,
      range: document.rangeInLine(row - 1, 0, document.lines[row - 1]!.text.length),
    }));
}
