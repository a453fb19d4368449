import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { DataSource, FormatId, HeldOut, TemplateId } from "../protocol/run";
import { readRow, rowSource } from "./checkRow";
import { type EncodedSample, encodeSamples, isEncoded } from "./encode";
import { type DialectChoice, DialectDetector } from "./formats/detect";
import type { Dialect } from "./formats/format";
import { LineReader } from "./lines";
import { DatasetError, overLength, type RowProblem } from "./problem";
import { lineProblems, opensArray, type ParsedLine, parseLine } from "./rows";
import { type HeldOutTest, SplitPlanner } from "./split";
import { chooseTemplate } from "./templates/registry";
import type { Segment, Template } from "./templates/template";
import type { Tokenizer } from "./tokenizer";

/**
 * The passes over a data set, for preparation and summary alike. First: what format, how many rows, which are held
 * out. Second: rows to tokens. Both stream.
 */

export interface DatasetRequest {
  path: string;
  format: FormatId | "auto";
  /** As in RunSpec. */
  fields?: Readonly<Record<string, string>> | undefined;
  template: TemplateId | "auto";
  heldOut: HeldOut;
  maxTrainRows: number | null;
  maxEvalRows: number | null;
  sequenceLength: number;
  seed: number;
}

export interface ReadOptions {
  signal?: AbortSignal | undefined;
  progress?: ((stage: string, fraction: number | null, detail?: string) => void) | undefined;
}

/** A row as tokens. */
export interface EncodedDocument extends EncodedSample {
  /** Index into the plan's sources. */
  source: number;
  /** 1-based line. */
  row: number;
  heldOut: boolean;
}

export interface PlannedSource {
  path: string;
  dialect: Dialect | null;
  sha256: string;
  bytes: number;
  rows: number;
  usable: number;
  /** The file is a JSON array over many lines. */
  isArray: boolean;
  /** Of a row of this source. */
  heldOut: HeldOutTest;
}

export interface DatasetPlan {
  request: DatasetRequest;
  sources: PlannedSource[];
  /** Null: no row of the data set can be used. */
  template: Template | null;
  tokenizer: Tokenizer;
}

/** Bytes read to detect a format; rows beyond are not looked at. */
const DETECTION_BYTES = 8 * 1024 * 1024;
const BATCH_ROWS = 512;
const BATCH_CHARACTERS = 1024 * 1024;
/** Skipped rows that are kept with their message. */
export const LISTED_ROWS = 1000;

export async function planDataset(
  request: DatasetRequest,
  tokenizer: Tokenizer,
  options: ReadOptions = {},
): Promise<DatasetPlan> {
  const { heldOut, seed } = request;
  const splits = heldOut.kind === "fraction" && heldOut.fraction > 0;
  const planner = splits ? new SplitPlanner(heldOut.fraction, heldOut.by, seed) : null;
  const main = await scan(request.path, choiceOf(request), planner, options);
  const sources: PlannedSource[] = [{ ...main, heldOut: planner?.finish() ?? (() => false) }];
  if (heldOut.kind === "file") {
    if (resolve(heldOut.path) === resolve(request.path)) {
      throw new DatasetError(`${heldOut.path} is the data set itself: rows that are learned cannot be held out.`);
    }
    const held = await scan(heldOut.path, choiceOf(request), null, options);
    sources.push({ ...held, heldOut: () => true });
  }
  return { request, sources, template: pickTemplate(request, sources, tokenizer), tokenizer };
}

function choiceOf({ format, fields }: DatasetRequest): DialectChoice {
  return { format, mapping: fields };
}

/** How most of a file's first rows are written. */
export async function detectFileDialect(
  path: string,
  choice: DialectChoice,
  signal?: AbortSignal,
): Promise<Dialect | null> {
  const reader = new LineReader(path);
  const detector = new DialectDetector(choice);
  for await (const lines of reader.batches(signal)) {
    for (const line of lines) {
      const parsed = parseLine(line);
      if (parsed?.problem === null) detector.add(parsed.value);
      if (detector.complete) return detector.result();
    }
    if (reader.bytes >= DETECTION_BYTES) break;
  }
  return detector.result();
}

export async function requireFile(path: string): Promise<number> {
  const status = await stat(path);
  if (!status.isFile()) throw new DatasetError(`${path} is not a file: choose a .jsonl file.`);
  return status.size;
}

async function scan(
  path: string,
  choice: DialectChoice,
  planner: SplitPlanner | null,
  { signal, progress }: ReadOptions,
): Promise<Omit<PlannedSource, "heldOut">> {
  const size = await requireFile(path);
  const dialect = await detectFileDialect(path, choice, signal);
  if (dialect?.format.untrainable) throw new DatasetError(`${path}: ${dialect.format.untrainable}`);
  const reader = new LineReader(path);
  let rows = 0;
  let usable = 0;
  let isArray = false;
  for await (const lines of reader.batches(signal)) {
    for (const line of lines) {
      const parsed = parseLine(line);
      if (parsed === null) continue;
      if (rows === 0) isArray = opensArray(parsed, line.text);
      rows++;
      if (lineProblems(parsed, dialect).length > 0) continue;
      usable++;
      planner?.add({ text: line.text!, source: rowSource(parsed.value) });
    }
    progress?.("Checking rows", share(reader.bytes, size), path);
  }
  return { path, dialect, sha256: reader.sha256(), bytes: reader.bytes, rows, usable, isArray };
}

function pickTemplate(request: DatasetRequest, sources: PlannedSource[], tokenizer: Tokenizer): Template | null {
  let template: Template | null = null;
  for (const { dialect, usable, path } of sources) {
    if (dialect === null || usable === 0) continue;
    const { format } = dialect;
    template ??= chooseTemplate(request.template, format.shape, tokenizer.special);
    if (!template.shapes.includes(format.shape)) {
      throw new DatasetError(
        `${path} has rows as ${format.name}, which the data set's template "${template.id}" cannot show: use a held-out file in the data set's format.`,
      );
    }
  }
  return template;
}

/** What happened to the rows of one source. */
export class SourceTally {
  rows = 0;
  used = 0;
  leftOut = 0;
  skipped = 0;
  readonly byReason: Record<string, number> = {};
  readonly listed: DataSource["skippedRows"] = [];

  skip(row: number, { check, message }: RowProblem): void {
    this.skipped++;
    this.byReason[check] = (this.byReason[check] ?? 0) + 1;
    if (this.listed.length < LISTED_ROWS) this.listed.push({ row, reason: check, message });
  }
}

export interface DatasetReading {
  tallies: SourceTally[];
  /** The first used row as the model sees it; set with the first batch. */
  first: Segment[] | null;
  documents: AsyncGenerator<EncodedDocument[]>;
}

export interface DocumentOptions extends ReadOptions {
  problem?: ((source: string, row: number, problem: RowProblem) => void) | undefined;
}

/** The second pass. Documents come in the file's order, in batches. */
export function readDocuments(plan: DatasetPlan, options: DocumentOptions = {}): DatasetReading {
  const reading = new Reading(plan, options);
  return {
    tallies: reading.tallies,
    get first() {
      return reading.first;
    },
    documents: reading.documents(),
  };
}

/** A row on its way: with a problem, or with the segments to encode. */
interface Entry {
  row: number;
  heldOut: boolean;
  problem: RowProblem | null;
  segments: Segment[] | null;
}

class Reading {
  readonly tallies: SourceTally[];
  first: Segment[] | null = null;
  private trainRows = 0;
  private evalRows = 0;
  private readonly template: Template | null;

  constructor(
    private readonly plan: DatasetPlan,
    private readonly options: DocumentOptions,
  ) {
    this.tallies = plan.sources.map(() => new SourceTally());
    this.template = plan.template;
  }

  async *documents(): AsyncGenerator<EncodedDocument[]> {
    for (const [index, source] of this.plan.sources.entries()) {
      // One batch is encoded by the native threads while the next is read here.
      let waiting: Promise<EncodedDocument[]> | null = null;
      for await (const entries of this.entries(source, index)) {
        const encoded = this.encode(entries);
        const next: Promise<EncodedDocument[]> = Promise.all([waiting, encoded]).then(([, results]) =>
          this.settle(entries, results, index),
        );
        // Awaited one turn later; without this a failure in between would count as unhandled.
        next.catch(() => {});
        if (waiting !== null) yield await waiting;
        waiting = next;
      }
      if (waiting !== null) yield await waiting;
    }
  }

  private async *entries(source: PlannedSource, index: number): AsyncGenerator<Entry[]> {
    const { signal, progress } = this.options;
    const reader = new LineReader(source.path);
    let batch: Entry[] = [];
    let characters = 0;
    for await (const lines of reader.batches(signal)) {
      for (const line of lines) {
        const parsed = parseLine(line);
        if (parsed === null) continue;
        this.tallies[index]!.rows++;
        batch.push(this.entry(source, line.number, line.text, parsed));
        characters += line.text?.length ?? 0;
        if (batch.length < BATCH_ROWS && characters < BATCH_CHARACTERS) continue;
        yield batch;
        signal?.throwIfAborted();
        batch = [];
        characters = 0;
      }
      progress?.("Tokenizing rows", share(reader.bytes, source.bytes), source.path);
    }
    if (reader.sha256() !== source.sha256) {
      throw new DatasetError(`${source.path} was changed while it was read: start again.`);
    }
    if (batch.length > 0) yield batch;
  }

  private entry(source: PlannedSource, row: number, text: string | null, parsed: ParsedLine): Entry {
    const [problem] = lineProblems(parsed, source.dialect);
    if (problem !== undefined) return { row, heldOut: false, problem, segments: null };
    const heldOut = source.heldOut({ text: text!, source: rowSource(parsed.value) });
    if (this.full(heldOut)) return { row, heldOut, problem: null, segments: null };
    const sample = readRow(parsed.value, source.dialect!);
    const segments = this.template!.render(sample, this.plan.tokenizer.special);
    return { row, heldOut, problem: this.tooLongToEncode(segments), segments };
  }

  /** Spares the tokenizer a text that has too many tokens however it is cut. */
  private tooLongToEncode(segments: Segment[]): RowProblem | null {
    const { sequenceLength } = this.plan.request;
    const characters = segments.reduce((sum, { text, id }) => sum + (id === undefined ? text.length : 0), 0);
    const least = Math.ceil(characters / this.plan.tokenizer.longestToken);
    return least > sequenceLength ? overLength(least, sequenceLength, "at least") : null;
  }

  private encode(entries: Entry[]): Promise<(EncodedSample | RowProblem)[]> {
    const samples = entries.map(({ problem, segments }) => (problem === null && segments !== null ? segments : []));
    return encodeSamples(samples, this.plan.tokenizer);
  }

  private settle(entries: Entry[], results: (EncodedSample | RowProblem)[], source: number): EncodedDocument[] {
    const tally = this.tallies[source]!;
    const documents: EncodedDocument[] = [];
    for (const [index, { row, heldOut, problem, segments }] of entries.entries()) {
      if (problem !== null && problem.check !== "over-length") {
        this.skip(source, row, problem);
      } else if (this.full(heldOut)) {
        tally.leftOut++;
      } else if (problem !== null) {
        this.skip(source, row, problem);
      } else if (segments !== null) {
        const encoded = this.checkLength(results[index]!);
        if (isEncoded(encoded)) {
          documents.push(this.use({ ...encoded, source, row, heldOut }));
          this.first ??= segments;
        } else {
          this.skip(source, row, encoded);
        }
      }
    }
    return documents;
  }

  private checkLength(encoded: EncodedSample | RowProblem): EncodedSample | RowProblem {
    const { sequenceLength } = this.plan.request;
    if (!isEncoded(encoded) || encoded.tokens.length <= sequenceLength) return encoded;
    return overLength(encoded.tokens.length, sequenceLength);
  }

  private use(document: EncodedDocument): EncodedDocument {
    this.tallies[document.source]!.used++;
    if (document.heldOut) this.evalRows++;
    else this.trainRows++;
    return document;
  }

  private skip(source: number, row: number, problem: RowProblem): void {
    this.tallies[source]!.skip(row, problem);
    this.options.problem?.(this.plan.sources[source]!.path, row, problem);
  }

  private full(heldOut: boolean): boolean {
    const { maxTrainRows, maxEvalRows } = this.plan.request;
    return heldOut ? this.evalRows >= (maxEvalRows ?? Infinity) : this.trainRows >= (maxTrainRows ?? Infinity);
  }
}

function share(part: number, whole: number): number {
  return whole === 0 ? 1 : Math.min(1, part / whole);
}
