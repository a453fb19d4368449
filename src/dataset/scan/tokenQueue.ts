import type { Dialect, JsonObject } from "../formats/format";
import type { RowProblem } from "../problem";
import type { ScannedLine } from "./rowScanner";
import type { TokenStage } from "./tokenStage";

const ROWS_AT_ONCE = 256;
const CHARACTERS_AT_ONCE = 512 * 1024;

/** Rows that wait for the tokenizer, which is faster with many at once. */
export class TokenQueue {
  /** Rows that training leaves out. */
  unusable = 0;
  private lines: ScannedLine[] = [];
  private rows: JsonObject[] = [];
  private characters = 0;

  constructor(
    private readonly stage: TokenStage,
    private readonly dialect: Dialect,
  ) {}

  get isFull(): boolean {
    return this.rows.length >= ROWS_AT_ONCE || this.characters >= CHARACTERS_AT_ONCE;
  }

  add(line: ScannedLine, row: JsonObject): void {
    this.lines.push(line);
    this.rows.push(row);
    this.characters += line.text.length;
  }

  /** Counts the rows that wait, and reports what is found in them. */
  async flush(to: { report(line: ScannedLine, problems: readonly RowProblem[]): void }): Promise<void> {
    const { lines, rows } = this;
    if (rows.length === 0) return;
    this.lines = [];
    this.rows = [];
    this.characters = 0;
    const found = await this.stage.check(rows, this.dialect);
    for (const [index, { problems, usable }] of found.entries()) {
      if (!usable) this.unusable++;
      to.report(lines[index]!, problems);
    }
  }
}
