/** What a quick fix is. To add one: a RowFix, its line in registry.ts, and its rows in fixes.test.ts. */

import type { Finding } from "../checks/finding";
import type { CheckId } from "../checks/table";
import type { Dialect, JsonObject } from "../formats/format";
import { type JsonTree, parseJson } from "../json";

/** Replaces `length` characters from `offset` of a line's text, in UTF-16 code units. Line feeds in `text` split the row. */
export interface TextEdit {
  offset: number;
  length: number;
  text: string;
}

/** In the order of their offsets, none overlaps another; "drop" removes the row. */
export type Change = readonly TextEdit[] | "drop";

export interface Proposal {
  /** In the imperative, as a menu shows it. */
  title: string;
  change: Change;
  /** Nothing else can be meant: the fix is offered first. */
  certain: boolean;
}

export interface RowFix {
  /** Unique among the fixes. */
  id: string;
  checks: readonly CheckId[];
  /** Names the fix where it is applied to all rows of a file. */
  title: string;
  /** May be applied to a whole file unseen: nothing that is learned is lost. */
  safe: boolean;
  /** Null: this finding cannot be mended so. */
  propose(row: Row, finding: Finding): Proposal | null;
}

/** A line as fixes see it. */
export class Row {
  private parsed: JsonTree | null | undefined;

  constructor(
    readonly text: string,
    /** The file's; null where none was recognised. */
    readonly dialect: Dialect | null,
  ) {}

  /** Null: the line is not JSON. */
  get tree(): JsonTree | null {
    if (this.parsed === undefined) {
      const result = parseJson(this.text);
      this.parsed = result.ok ? result : null;
    }
    return this.parsed;
  }

  /** Null: the row is no object. */
  get value(): JsonObject | null {
    return this.tree?.root.kind === "object" ? (JSON.parse(this.text) as JsonObject) : null;
  }
}
