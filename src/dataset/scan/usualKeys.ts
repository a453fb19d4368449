/** Remembers in which order of keys nothing was unknown, so that most rows' keys are compared and not looked up. */

import { unknownFields } from "../checkRow";
import type { Dialect, JsonObject } from "../formats/format";
import type { RowProblem } from "../problem";

const REMEMBERED = 8;
const NONE: readonly RowProblem[] = [];

export class UsualKeys {
  private readonly known: string[][] = [];
  private next = 0;

  constructor(private readonly dialect: Dialect) {}

  /** What `unknownFields` finds, which depends on the row's keys alone. */
  unknownFields(row: JsonObject): readonly RowProblem[] {
    const keys = Object.keys(row);
    for (const known of this.known) if (areEqual(known, keys)) return NONE;
    const problems = unknownFields(row, this.dialect);
    if (problems.length > 0) return problems;
    this.known[this.next] = keys;
    this.next = (this.next + 1) % REMEMBERED;
    return NONE;
  }
}

function areEqual(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
