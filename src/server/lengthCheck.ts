/**
 * Rows that have more tokens than a sequence holds, counted as preparation counts them: the same template, the same
 * tokenizer. The tokenizer is loaded when the first row needs it; it works on threads of its own.
 */

import { readRow } from "../dataset/checkRow";
import { locateProblems } from "../dataset/checks/finding";
import { encodeSamples, isEncoded } from "../dataset/encode";
import type { Dialect } from "../dataset/formats/format";
import { overLength, type RowProblem } from "../dataset/problem";
import { chooseTemplate } from "../dataset/templates/registry";
import type { Tokenizer } from "../dataset/tokenizer";
import type { ServerSettings } from "../protocol/server";
import { type DatasetAnalysis, type DatasetState, isReadable } from "./datasetAnalysis";
import type { Line } from "./jsonlDocument";
import { Slices } from "./slices";

const ROWS_AT_ONCE = 32;
/** More bytes than any template puts around a row's texts. */
const TEMPLATE_BYTES = 512;

export type LoadTokenizer = (folder: string) => Promise<Tokenizer>;

/** One setting of sequence length and tokenizer; a change of either makes a new one. */
export class LengthCheck {
  private tokenizer: Promise<Tokenizer> | null = null;
  /** Rows handed to the tokenizer so far. */
  measured = 0;

  constructor(
    private readonly folder: string,
    private readonly sequenceLength: number,
    private readonly load: LoadTokenizer,
  ) {}

  /** Measures the rows that have not been measured under these settings. True if any finding came or went. */
  async run(analysis: DatasetAnalysis, state: DatasetState, signal: AbortSignal): Promise<boolean> {
    const { dialect } = state;
    if (!dialect || dialect.format.untrainable) return false;
    const slices = new Slices(signal);
    let waiting: Line[] = [];
    let changed = false;
    for (const line of analysis.document.lines) {
      if (slices.due(line.text.length)) await slices.next();
      if (!this.mustMeasure(line)) continue;
      waiting.push(line);
      if (waiting.length < ROWS_AT_ONCE) continue;
      changed = (await this.measure(waiting, dialect)) || changed;
      waiting = [];
      await slices.next();
    }
    if (waiting.length > 0) changed = (await this.measure(waiting, dialect)) || changed;
    return changed;
  }

  /** The tokens of all rows that can be read; null while some are not counted. */
  total({ document }: DatasetAnalysis): number | null {
    let total = 0;
    for (const { record } of document.lines) {
      if (!record || !isReadable(record)) continue;
      const counted = record.length?.countedBy === this ? record.length.tokens : null;
      if (counted === null) return null;
      total += counted;
    }
    return total;
  }

  private mustMeasure(line: Line): boolean {
    const record = line.record;
    if (!record || !isReadable(record) || record.length?.countedBy === this) return false;
    // A token stands for one byte at least; JSON's escapes only make a text longer.
    if (Buffer.byteLength(line.text) + TEMPLATE_BYTES > this.sequenceLength) return true;
    record.length = { countedBy: this, tokens: null, finding: null };
    return false;
  }

  private async measure(lines: readonly Line[], dialect: Dialect): Promise<boolean> {
    this.tokenizer ??= this.load(this.folder);
    const tokenizer = await this.tokenizer;
    const samples = lines.map((line) => readRow(JSON.parse(line.text), dialect));
    const segments = samples.map((sample) =>
      chooseTemplate("auto", sample.shape, tokenizer.special).render(sample, tokenizer.special),
    );
    const encoded = await encodeSamples(segments, tokenizer);
    this.measured += lines.length;
    let changed = false;
    encoded.forEach((result, index) => {
      const record = lines[index]!.record;
      if (!record || record.checkedAs !== dialect) return;
      const problem = isEncoded(result) ? this.problem(result.tokens.length) : result;
      const finding = problem ? (locateProblems(lines[index]!.text, [problem])[0] ?? null) : null;
      changed ||= finding !== null || Boolean(record.length?.finding);
      record.length = { countedBy: this, tokens: isEncoded(result) ? result.tokens.length : null, finding };
    });
    return changed;
  }

  private problem(tokens: number): RowProblem | null {
    return tokens > this.sequenceLength ? overLength(tokens, this.sequenceLength) : null;
  }
}

export function lengthCheckFor(settings: ServerSettings, load: LoadTokenizer): LengthCheck | null {
  const { tokenizerPath, sequenceLength } = settings;
  return tokenizerPath && sequenceLength > 0 ? new LengthCheck(tokenizerPath, sequenceLength, load) : null;
}
