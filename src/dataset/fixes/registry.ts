import type { Finding } from "../checks/finding";
import type { Dialect } from "../formats/format";
import { writeInFileFormat } from "./convertFix";
import { applyEdits } from "./edits";
import { closeFence, removeFence, unfence } from "./fenceFixes";
import { type Proposal, Row, type RowFix } from "./fix";
import { guessSyntax, repairSyntax } from "./jsonFixes";
import { makeMessages, makeText, removeField, removeRepeatedKey, renameKey } from "./keyFixes";
import { isJson } from "./repairJson";
import { makeObject, removeDuplicate, removeEmpty, removeOneOfTwo, removeRow, splitArray } from "./rowFixes";
import * as texts from "./textFixes";
import { learnLastAnswer, orderTurns, removeLastTurn, renameRole } from "./turnFixes";

/** In the order in which they are offered. */
export const rowFixes: readonly RowFix[] = [
  repairSyntax,
  guessSyntax,
  renameKey,
  writeInFileFormat,
  makeObject,
  splitArray,
  makeMessages,
  makeText,
  removeRepeatedKey,
  removeField,
  renameRole,
  orderTurns,
  removeLastTurn,
  learnLastAnswer,
  texts.removeSurrogates,
  texts.removeControls,
  texts.removeInvisible,
  texts.removeReplacement,
  texts.mendMojibake,
  texts.removeSpecialToken,
  texts.removeBeginToken,
  texts.removeTemplateMarker,
  texts.redactSecret,
  texts.redactPersonalData,
  closeFence,
  removeFence,
  texts.removeBoilerplate,
  texts.spacesForTabs,
  removeDuplicate,
  removeEmpty,
  removeOneOfTwo,
  removeRow,
  unfence,
];

/** Fixes whose every use needs a look: they are not offered for a whole file. */
const SINGLE_ONLY: ReadonlySet<RowFix> = new Set([removeOneOfTwo, guessSyntax]);

export function fitsWholeFile(fix: RowFix): boolean {
  return !SINGLE_ONLY.has(fix);
}

export function fixById(id: string): RowFix | null {
  return rowFixes.find((fix) => fix.id === id) ?? null;
}

export interface ProposedFix extends Proposal {
  fix: RowFix;
}

/** What can be done about a finding of a line. */
export function proposeFixes(text: string, dialect: Dialect | null, finding: Finding): ProposedFix[] {
  const row = new Row(text, dialect);
  return rowFixes
    .filter(({ checks }) => checks.includes(finding.check))
    .flatMap((fix) => {
      const proposal = proposed(fix, row, finding);
      return proposal ? [{ ...proposal, fix }] : [];
    });
}

/** What one fix makes of a finding; null also where the line would not be JSON then. */
export function proposed(fix: RowFix, row: Row, finding: Finding): Proposal | null {
  const proposal = fix.propose(row, finding);
  if (proposal === null || proposal.change === "drop") return proposal;
  return applyEdits(row.text, proposal.change).split("\n").every(isJson) ? proposal : null;
}
