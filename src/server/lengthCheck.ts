/**
 * The tokens of every row, counted as preparation counts them, and what is wrong with them: rows that a sequence does
 * not hold, rows of which nothing is learned, signs that the data set was made for another model. The tokenizer is
 * loaded when the first row needs it; it works on threads of its own.
 */

import { type Finding, locateProblems } from "../dataset/checks/finding";
import type { Dialect, JsonObject } from "../dataset/formats/format";
import { overLength, type RowProblem } from "../dataset/problem";
import { type RenderedRow, renderRows, tokenProblems } from "../dataset/rowTokens";
import { type Misfit, misfits } from "../dataset/templateFit";
import type { Tokenizer } from "../dataset/tokenizer";
import type { ServerSettings } from "../protocol/server";
import { type DatasetAnalysis, type DatasetState, isReadable, type RowLength } from "./datasetAnalysis";
import type { Line } from "./jsonlDocument";
import { Slices } from "./slices";

/** What is handed to the tokenizer at once: enough for its threads, little enough for the event loop. */
const ROWS_AT_ONCE = 32;
const CHARACTERS_AT_ONCE = 20 * 1024;
/** So many batches are in the tokenizer's hands: it works while results are read. */
const BATCHES_AT_ONCE = 4;
/** More bytes than any template puts around a row's texts. */
const TEMPLATE_BYTES = 512;
/** Longer rows are not counted to the end where they are too long anyway. */
const LONGEST_COUNTED = 1_000_000;
const KNOWN_LINE = 4;

export type LoadTokenizer = (folder: string) => Promise<Tokenizer>;

interface CountedLength extends RowLength {
  /** What is wrong with the row's own tokens, whatever the other rows are like. */
  own: Finding | null;
  misfits: ReadonlyMap<Misfit, RowProblem>;
}

const NO_MISFITS: ReadonlyMap<Misfit, RowProblem> = new Map();

/** One setting of sequence length and tokenizer; a change of either makes a new one. */
export class LengthCheck {
  private loading: Promise<Tokenizer> | null = null;
  /** Rows handed to the tokenizer so far. */
  measured = 0;

  constructor(
    private readonly folder: string,
    readonly sequenceLength: number,
    private readonly load: LoadTokenizer,
  ) {}

  tokenizer(): Promise<Tokenizer> {
    this.loading ??= this.load(this.folder);
    return this.loading;
  }

  /**
   * Counts the rows that have not been counted: first those that could be too long, which most findings are among, then
   * all others, so that the totals are known. True if any finding came or went.
   */
  async run(analysis: DatasetAnalysis, state: DatasetState, signal: AbortSignal): Promise<boolean> {
    const long = await this.measureWhere(analysis, state, signal, (line) => this.couldBeTooLong(line));
    const short = await this.measureWhere(analysis, state, signal, () => true);
    const misfit = await this.sayMisfits(analysis, signal);
    return long || short || misfit;
  }

  /** The tokens of all rows that can be read; null while any of them is not counted, and where there is none. */
  total({ document }: DatasetAnalysis): number | null {
    let total: number | null = null;
    for (const line of document.lines) {
      if (!line.record || !isReadable(line.record)) continue;
      const tokens = this.tokensOf(line);
      if (tokens === null) return null;
      total = (total ?? 0) + tokens;
    }
    return total;
  }

  /** The tokens of one row; null where they are not counted. */
  tokensOf({ record }: Line): number | null {
    return record?.length?.countedBy === this ? record.length.tokens : null;
  }

  private couldBeTooLong(line: Line): boolean {
    // A token stands for one byte at least; JSON's escapes only make a text longer.
    return Buffer.byteLength(line.text) + TEMPLATE_BYTES > this.sequenceLength;
  }

  private async measureWhere(
    analysis: DatasetAnalysis,
    { dialect }: DatasetState,
    signal: AbortSignal,
    wanted: (line: Line) => boolean,
  ): Promise<boolean> {
    if (!dialect || dialect.format.untrainable) return false;
    const slices = new Slices(signal);
    const running: Promise<boolean>[] = [];
    let changed = false;
    let batch: Line[] = [];
    let characters = 0;
    const hand = async () => {
      const started = this.measure(batch, dialect);
      // Its failure is thrown where its result is awaited.
      started.catch(() => {});
      running.push(started);
      batch = [];
      characters = 0;
      if (running.length >= BATCHES_AT_ONCE) changed = (await running.shift()!) || changed;
      await slices.next();
    };
    for (const line of analysis.document.lines) {
      if (slices.due(KNOWN_LINE)) await slices.next();
      if (!this.isDue(line) || !wanted(line)) continue;
      batch.push(line);
      characters += line.text.length;
      if (batch.length >= ROWS_AT_ONCE || characters >= CHARACTERS_AT_ONCE) await hand();
    }
    if (batch.length > 0) await hand();
    for (const started of running) changed = (await started) || changed;
    return changed;
  }

  private isDue({ record }: Line): boolean {
    return record !== undefined && isReadable(record) && record.length?.countedBy !== this;
  }

  private async measure(lines: readonly Line[], dialect: Dialect): Promise<boolean> {
    const tokenizer = await this.tokenizer();
    let changed = false;
    const counted: { line: Line; row: JsonObject }[] = [];
    for (const line of lines) {
      const least = Math.ceil(line.text.length / (6 * tokenizer.longestToken));
      if (line.text.length > LONGEST_COUNTED && least > this.sequenceLength) {
        const problem = overLength(least, this.sequenceLength, "at least");
        changed = this.keep(line, dialect, least, [problem], NO_MISFITS) || changed;
      } else counted.push({ line, row: JSON.parse(line.text) as JsonObject });
    }
    const rendered = await renderRows(
      counted.map(({ row }) => row),
      dialect,
      tokenizer,
    );
    this.measured += counted.length;
    for (const [index, { line, row }] of counted.entries()) {
      const tokens = rendered[index]!;
      const parts = dialect.format.texts(row, dialect.layout);
      const problems = this.isFine(tokens) ? [] : await tokenProblems(tokens, parts, this.sequenceLength, tokenizer);
      const strange = misfits(parts, tokens.template, tokenizer.special);
      changed = this.keep(line, dialect, tokens.total, problems, strange) || changed;
    }
    return changed;
  }

  /** Without asking where: most rows are. More than the end is learned, and everything fits. */
  private isFine({ problem, total, response }: RenderedRow): boolean {
    return problem === null && response > 1 && total <= this.sequenceLength;
  }

  private keep(
    line: Line,
    dialect: Dialect,
    tokens: number | null,
    problems: readonly RowProblem[],
    strange: ReadonlyMap<Misfit, RowProblem>,
  ): boolean {
    const { record } = line;
    if (!record || record.checkedAs !== dialect) return false;
    const [own = null] = locateProblems(line.text, problems.slice(0, 1));
    const before = record.length?.finding ?? null;
    const length: CountedLength = { countedBy: this, tokens, finding: own, own, misfits: strange };
    record.length = length;
    return own !== null || before !== null;
  }

  /** Each misfit is said at the first row that shows it and has no other finding of this check. */
  private async sayMisfits({ document }: DatasetAnalysis, signal: AbortSignal): Promise<boolean> {
    const slices = new Slices(signal);
    const said = new Set<Misfit>();
    let changed = false;
    for (const { record, text } of document.lines) {
      if (slices.due(KNOWN_LINE)) await slices.next();
      if (record?.length?.countedBy !== this) continue;
      const length = record.length as CountedLength;
      const [kind, problem] = [...length.misfits].find(([candidate]) => !said.has(candidate)) ?? [];
      const say = length.own === null && kind !== undefined && problem !== undefined;
      if (say) said.add(kind);
      if (!say && length.finding === length.own) continue;
      if (say && length.finding !== null) continue;
      length.finding = say ? (locateProblems(text, [problem])[0] ?? null) : length.own;
      changed = true;
    }
    return changed;
  }
}

export function lengthCheckFor(settings: ServerSettings, load: LoadTokenizer): LengthCheck | null {
  const { tokenizerPath, sequenceLength } = settings;
  return tokenizerPath && sequenceLength > 0 ? new LengthCheck(tokenizerPath, sequenceLength, load) : null;
}
