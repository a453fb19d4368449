import { realpath, stat } from "node:fs/promises";
import type {
  CompletionMix,
  DataSource,
  FormatId,
  HeldOut,
  MixedDataset,
  SampleKind,
  TemplateId,
} from "../protocol/run";
import { readRow, rowSource } from "./checkRow";
import { type EncodedSample, encodeSamples, isEncoded } from "./encode";
import { type DialectChoice, DialectDetector } from "./formats/detect";
import type { Dialect } from "./formats/format";
import { LineReader } from "./lines";
import { DatasetError, overLength, type RowProblem } from "./problem";
import { lineProblems, opensArray, type ParsedLine, parseLine } from "./rows";
import { RowWeights } from "./rowWeights";
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
  weight?: number | undefined;
  mixture?: readonly MixedDataset[] | undefined;
  completion?: CompletionMix | undefined;
  template: TemplateId | "auto";
  heldOut: HeldOut;
  maxTrainRows: number | null;
  maxEvalRows: number | null;
  packing?: boolean | undefined;
  sequenceLength: number;
  seed: number;
}

export interface ReadOptions {
  signal?: AbortSignal | undefined;
  progress?: ((stage: string, fraction: number | null, detail?: string) => void) | undefined;
}

/** In place of a source's index: the document is no row but a sample for completion. Its row is 0. */
export const COMPLETION_SOURCE = 0xffff;

/** A row as tokens, or a sample for completion. */
export interface EncodedDocument extends EncodedSample {
  /** Index into the plan's sources. */
  source: number;
  /** 1-based line. */
  row: number;
  heldOut: boolean;
  /** 0 where a pass meets the row for the first time; a weight above 1 takes it more than once. */
  copy: number;
  kind: SampleKind;
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
  /** Its rows are learned; null: all of them are held out. */
  weight: number | null;
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
  const learned: Learned[] = [{ ...request, weight: request.weight ?? 1 }, ...(request.mixture ?? [])];
  await requireDistinctFiles(learned, heldOut);
  const splits = heldOut.kind === "fraction" && heldOut.fraction > 0;
  const tests: HeldOutTest[] = [];
  const sources: PlannedSource[] = [];
  for (const dataset of learned) {
    const planner = splits ? new SplitPlanner(heldOut.fraction, heldOut.by, seed) : null;
    const found = await scan(dataset.path, choiceOf(dataset), planner, options);
    if (planner !== null) tests.push(planner.finish());
    // What any of the data sets holds out is held out in all of them: a row that is in two is never on both sides.
    sources.push({ ...found, weight: dataset.weight, heldOut: (row) => tests.some((test) => test(row)) });
  }
  const template = pickTemplate(request, sources, tokenizer);
  if (heldOut.kind === "file") {
    const held = await scan(heldOut.path, choiceOf(request), null, options);
    requireShown(held, template);
    sources.push({ ...held, weight: null, heldOut: () => true });
  }
  return { request, sources, template, tokenizer };
}

type Learned = Pick<DatasetRequest, "path" | "format" | "fields"> & { weight: number };

function choiceOf({ format, fields }: Pick<DatasetRequest, "format" | "fields">): DialectChoice {
  return { format, mapping: fields };
}

async function requireDistinctFiles(learned: readonly Learned[], heldOut: HeldOut): Promise<void> {
  const known = new Set<string>();
  for (const { path } of learned) {
    await requireFile(path);
    const file = await realpath(path);
    if (known.has(file)) throw new DatasetError(`${path} is named twice: give it a larger weight instead.`);
    known.add(file);
  }
  if (heldOut.kind !== "file") return;
  await requireFile(heldOut.path);
  if (known.has(await realpath(heldOut.path))) {
    const which = learned.length === 1 ? "the data set itself" : "one of the data sets";
    throw new DatasetError(`${heldOut.path} is ${which}: rows that are learned cannot be held out.`);
  }
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

type ScannedFile = Omit<PlannedSource, "heldOut" | "weight">;

async function scan(
  path: string,
  choice: DialectChoice,
  planner: SplitPlanner | null,
  { signal, progress }: ReadOptions,
): Promise<ScannedFile> {
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

/** The first that shows the rows of every data set. */
function pickTemplate(request: DatasetRequest, sources: PlannedSource[], tokenizer: Tokenizer): Template | null {
  const shown = sources.filter(isShown);
  const [first] = shown;
  if (first === undefined) return null;
  const shapes = shown.map(({ dialect }) => dialect.format.shape);
  const template = chooseTemplate(request.template, shapes[0]!, tokenizer.special, shapes);
  for (const { path, dialect } of shown) {
    if (template.shapes.includes(dialect.format.shape)) continue;
    throw new DatasetError(
      `${path} has rows as ${dialect.format.name}, which cannot be put to the model as those of ${first.path} are (template "${template.id}"): leave one of them out, or convert it.`,
    );
  }
  return template;
}

function isShown<Source extends ScannedFile>(source: Source): source is Source & { dialect: Dialect } {
  return source.dialect !== null && source.usable > 0;
}

function requireShown(held: ScannedFile, template: Template | null): void {
  if (template === null || !isShown(held) || template.shapes.includes(held.dialect.format.shape)) return;
  throw new DatasetError(
    `${held.path} has rows as ${held.dialect.format.name}, which the data set's template "${template.id}" cannot show: use a held-out file in the data set's format.`,
  );
}

/** `squares`: of each document's tokens; attention costs so much. */
const emptyPart = () => ({ rows: 0, tokens: 0, targets: 0, squares: 0 });

/** What happened to the rows of one source. */
export class SourceTally {
  rows = 0;
  used = 0;
  leftOut = 0;
  skipped = 0;
  /** Rows and tokens of one pass over what is learned: a row that is taken twice counts twice. */
  readonly train = emptyPart();
  readonly eval = emptyPart();
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

/** The second pass. Documents come in the files' order, in batches; the copies of a batch's rows come after it. */
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
  /** Usable rows met so far, before weights. */
  private readonly met: { train: number; eval: number }[];
  private readonly weights: RowWeights[];
  private readonly template: Template | null;

  constructor(
    private readonly plan: DatasetPlan,
    private readonly options: DocumentOptions,
  ) {
    this.tallies = plan.sources.map(() => new SourceTally());
    this.met = plan.sources.map(() => ({ train: 0, eval: 0 }));
    this.weights = plan.sources.map(({ weight }, index) => new RowWeights(weight ?? 1, plan.request.seed, index));
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
        batch.push(this.entry(index, line.number, line.text, parsed));
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

  private entry(index: number, row: number, text: string | null, parsed: ParsedLine): Entry {
    const source = this.plan.sources[index]!;
    const [problem] = lineProblems(parsed, source.dialect);
    if (problem !== undefined) return { row, heldOut: false, problem, segments: null };
    const heldOut = source.heldOut({ text: text!, source: rowSource(parsed.value) });
    if (this.full(index, heldOut)) return { row, heldOut, problem: null, segments: null };
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
      } else if (this.full(source, heldOut)) {
        tally.leftOut++;
      } else if (problem !== null) {
        this.skip(source, row, problem);
      } else if (segments !== null) {
        const encoded = this.checkLength(results[index]!);
        if (isEncoded(encoded)) {
          documents.push({ ...encoded, source, row, heldOut, copy: 0, kind: "instruct" });
          this.met[source]![heldOut ? "eval" : "train"]++;
          this.first ??= segments;
        } else {
          this.skip(source, row, encoded);
        }
      }
    }
    return this.weighted(documents, source);
  }

  /** What a pass takes of a batch: training rows as often as their data set's weight says. */
  private weighted(documents: EncodedDocument[], source: number): EncodedDocument[] {
    const learned = documents.filter(({ heldOut }) => !heldOut);
    const copies = this.weights[source]!.next(learned.map(({ row }) => row));
    const timesOf = new Map(learned.map((document, index) => [document, copies[index]!]));
    const taken = documents.filter((document) => (timesOf.get(document) ?? 1) > 0);
    const tally = this.tallies[source]!;
    tally.used += taken.length;
    tally.leftOut += documents.length - taken.length;
    // All rows once, then all of them again: packed apart where there are enough of them.
    const all = [...taken];
    for (let copy = 1; copy < Math.max(0, ...copies); copy++) {
      all.push(
        ...learned.filter((document) => timesOf.get(document)! > copy).map((document) => ({ ...document, copy })),
      );
    }
    for (const { heldOut, tokens, targets } of all) {
      const part = heldOut ? tally.eval : tally.train;
      part.rows++;
      part.tokens += tokens.length;
      part.targets += targets;
      part.squares += tokens.length ** 2;
    }
    return all;
  }

  private checkLength(encoded: EncodedSample | RowProblem): EncodedSample | RowProblem {
    const { sequenceLength } = this.plan.request;
    if (!isEncoded(encoded) || encoded.tokens.length <= sequenceLength) return encoded;
    return overLength(encoded.tokens.length, sequenceLength);
  }

  private skip(source: number, row: number, problem: RowProblem): void {
    this.tallies[source]!.skip(row, problem);
    this.options.problem?.(this.plan.sources[source]!.path, row, problem);
  }

  private full(source: number, heldOut: boolean): boolean {
    const { maxTrainRows, maxEvalRows } = this.plan.request;
    const { train, eval: held } = this.met[source]!;
    return heldOut ? held >= (maxEvalRows ?? Infinity) : train >= (maxTrainRows ?? Infinity);
  }
}

function share(part: number, whole: number): number {
  return whole === 0 ? 1 : Math.min(1, part / whole);
}
