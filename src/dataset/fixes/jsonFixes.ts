import type { Proposal, Row, RowFix } from "./fix";
import { type RepairKind, repairJson } from "./repairJson";

/** Lines that are not JSON. */

const TITLES: Readonly<Record<RepairKind, string>> = {
  split: "Put each object on a line of its own",
  "row-comma": "Remove the comma after the row",
  "trailing-comma": "Remove the trailing comma",
  python: "Write Python's values as JSON",
  quotes: "Correct the quotes",
  keys: "Put the keys in double quotes",
  control: "Escape the control characters",
  escape: "Correct the escapes",
  comment: "Remove the comments",
  number: "Write the numbers as JSON",
  space: "Replace the odd blanks",
  closers: "Close what is open at the row's end",
  other: "Put in the missing comma",
};

export const repairSyntax: RowFix = {
  id: "repair-json",
  checks: ["json-syntax"],
  title: "Repair the JSON where it is clear what is meant",
  safe: true,
  propose: (row) => proposeRepair(row, true),
};

export const guessSyntax: RowFix = {
  id: "guess-json",
  checks: ["json-syntax"],
  title: "Repair the JSON",
  safe: false,
  propose: (row) => proposeRepair(row, false),
};

function proposeRepair({ text }: Row, certain: boolean): Proposal | null {
  const repair = repairJson(text);
  if (repair === null || repair.certain !== certain) return null;
  const [kind, ...others] = repair.kinds;
  const title = kind !== undefined && others.length === 0 ? TITLES[kind] : "Repair the JSON";
  return { title, change: repair.edits, certain };
}
