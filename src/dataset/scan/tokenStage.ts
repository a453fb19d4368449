/** Checks the tokens of rows. The one stage that does not work on one row after the other, but on many at once. */

import type { TemplateId } from "../../protocol/run";
import type { TextPart } from "../checks/textPart";
import type { Dialect, JsonObject } from "../formats/format";
import { overLength, type RowProblem } from "../problem";
import { type RenderedRow, renderRows, tokenProblems } from "../rowTokens";
import { type Misfit, misfits } from "../templateFit";
import type { Tokenizer } from "../tokenizer";

/** Longer rows are not counted to the end where they are too long anyway: in UTF-16 code units. */
const LONGEST_COUNTED = 1_000_000;

export interface TokenResult {
  problems: readonly RowProblem[];
  /** Whether training would take the row. */
  usable: boolean;
  /** The row's; the least that it can have where it is far too long to be counted. */
  tokens: number;
}

export interface TokenStage {
  /** The result of each row, in the rows' order. Only for rows in which checkRow found no problem. */
  check(rows: readonly JsonObject[], dialect: Dialect): Promise<readonly TokenResult[]>;
}

export interface TokenLimits {
  /** In tokens. */
  sequenceLength: number;
  template: TemplateId | "auto";
}

/** For one file: what does not fit the model is said at the first row that shows it. */
export class TokenCheck implements TokenStage {
  private readonly said = new Set<Misfit>();

  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly limits: TokenLimits,
  ) {}

  async check(rows: readonly JsonObject[], dialect: Dialect): Promise<readonly TokenResult[]> {
    const texts = rows.map((row) => dialect.format.texts(row, dialect.layout));
    const tooLong = texts.map((parts) => this.tooLongToCount(parts));
    const counted = rows.filter((_, index) => tooLong[index] === null);
    const rendered = await renderRows(counted, dialect, this.tokenizer, this.limits.template);
    const results: TokenResult[] = [];
    let next = 0;
    for (const [index, parts] of texts.entries()) {
      const problem = tooLong[index]!;
      if (problem !== null) results.push(problem);
      else results.push(await this.checkRow(rendered[next++]!, parts));
    }
    return results;
  }

  private tooLongToCount(parts: readonly TextPart[]): TokenResult | null {
    const characters = parts.reduce((sum, { text }) => sum + text.length, 0);
    if (characters <= LONGEST_COUNTED) return null;
    const least = Math.ceil(characters / this.tokenizer.longestToken);
    const { sequenceLength } = this.limits;
    if (least <= sequenceLength) return null;
    return { problems: [overLength(least, sequenceLength, "at least")], usable: false, tokens: least };
  }

  private async checkRow(row: RenderedRow, parts: readonly TextPart[]): Promise<TokenResult> {
    const { tokenizer } = this;
    const { sequenceLength } = this.limits;
    const usable = row.problem === null && row.total <= sequenceLength;
    // Without asking where: most rows are fine, more than their end is learned.
    const isFine = usable && row.response > 1;
    const problems = isFine ? [] : await tokenProblems(row, parts, sequenceLength, tokenizer);
    const tokens = row.total;
    if (problems.length > 0) return { problems: problems.slice(0, 1), usable, tokens };
    for (const [kind, problem] of misfits(parts, row.template, tokenizer.special)) {
      if (this.said.has(kind)) continue;
      this.said.add(kind);
      return { problems: [problem], usable, tokens };
    }
    return { problems, usable, tokens };
  }
}
