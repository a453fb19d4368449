/** The checks of how a file is cut into lines (checks/fileLayout.ts), line after line. */

import { BLANK_LINE, BYTE_ORDER_MARK, mixedLineEnds } from "../checks/fileLayout";
import type { Finding } from "../checks/finding";
import type { Line, LineEnd } from "../lines";

/** A finding in the text of a line. */
export interface LayoutFinding extends Finding {
  line: number;
}

const NONE: readonly LayoutFinding[] = [];

export class LineLayout {
  private usual: LineEnd = "";
  private isMixed = false;
  /** Blank lines since the last row: they are between rows only if another one follows. */
  private blank: LayoutFinding[] = [];

  /** Of a run of blank lines the first `most` are found. */
  constructor(private readonly most: number) {}

  /** To be called for every line, in the file's order. */
  add({ number, text, end, indent }: Line, isBlank: boolean): readonly LayoutFinding[] {
    if (number === 1) this.usual = end;
    const differs = !this.isMixed && end !== this.usual && end !== "";
    if (indent === 0 && !differs && !isBlank && this.blank.length === 0) return NONE;
    const length = text?.length ?? 0;
    const found: LayoutFinding[] = [];
    // The mark itself cannot be underlined: it has no width.
    if (indent > 0) found.push({ line: number, offset: 0, length: 1, ...BYTE_ORDER_MARK });
    if (differs) {
      this.isMixed = true;
      found.push({ line: number, offset: Math.max(0, length - 1), length: 1, ...mixedLineEnds(this.usual, end) });
    }
    if (!isBlank) return found.concat(this.takeBlank());
    if (this.blank.length < this.most) this.blank.push({ line: number, offset: 0, length, ...BLANK_LINE });
    return found;
  }

  private takeBlank(): LayoutFinding[] {
    const taken = this.blank;
    this.blank = [];
    return taken;
  }
}
