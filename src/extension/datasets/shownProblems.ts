/** Which of a validation's problems are shown, and where VS Code marks them. Pure. */

import type { JobProblem } from "../../protocol/job";

/** VS Code keeps about as many for a file. */
export const MOST_SHOWN = 1000;
/** VS Code draws no more of a line: `editor.stopRenderingLineAfter`. */
const LAST_DRAWN_COLUMN = 10_000;

/** Everything is counted from 0. */
export interface ShownProblem {
  line: number;
  start: number;
  end: number;
  check: string;
  severity: "error" | "warning" | "information";
  message: string;
}

/** `total`: of all problems that were found, of which `problems` are the most serious ones. */
export function shownProblems(problems: readonly JobProblem[], total: number): ShownProblem[] {
  const shown: ShownProblem[] = [];
  let told = 0;
  for (const problem of problems) {
    const marks = marksOf(problem);
    // One place is kept for the line that says how many more there are.
    if (shown.length + marks.length > MOST_SHOWN - 1) break;
    shown.push(...marks);
    told++;
  }
  const more = total - told;
  return more > 0 && shown.length > 0 ? [...shown, notShown(more, shown[0]!)] : shown;
}

/** A problem that lies beyond what is drawn is marked at its row's start too. */
function marksOf({ row, column, endColumn, check, message, severity = "error" }: JobProblem): ShownProblem[] {
  const line = row - 1;
  const start = (column ?? 1) - 1;
  const end = endColumn === undefined ? Number.MAX_SAFE_INTEGER : Math.max(endColumn - 1, start + 1);
  const mark: ShownProblem = { line, start, end, check, severity, message };
  if (start < LAST_DRAWN_COLUMN) return [mark];
  const place = `${message} (at column ${(start + 1).toLocaleString("en")} of this row)`;
  return [mark, { ...mark, start: 0, end: 1, message: place }];
}

function notShown(count: number, beside: ShownProblem): ShownProblem {
  const message = `${count.toLocaleString("en")} more problems in this file are not shown: the report of Validate Dataset counts them by check.`;
  return { ...beside, severity: "information", message };
}
