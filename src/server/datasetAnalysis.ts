/**
 * What is known about one open data set. Every line's result is kept with its line object, so after an edit only the
 * lines it made are parsed and checked; the rest is put together anew.
 */

import { structureProblems } from "../dataset/checkRow";
import { type Finding, locateProblems } from "../dataset/checks/finding";
import type { RowInspector } from "../dataset/checks/inspectRow";
import { parseRow } from "../dataset/checks/parseRow";
import type { RowFacts } from "../dataset/duplicates/rowFacts";
import {
  AUTOMATIC,
  DETECTION_SAMPLE,
  type DialectChoice,
  detectDialect,
  fitness,
  isObject,
} from "../dataset/formats/detect";
import type { Dialect, Format, JsonObject } from "../dataset/formats/format";
import { formats } from "../dataset/formats/registry";
import type { JsonlDocument, Line } from "./jsonlDocument";
import { Slices } from "./slices";

/** In larger files a format is taken for granted only if at least one sampled row is whole and one in ten resembles it. */
const SMALL_FILE = 20;
const LEAST_SHARE = 0.1;

/** What is remembered of a line. */
export interface RowRecord {
  kind: "blank" | "invalid" | "value";
  /** Kept for the rows that the dialect is detected by. */
  sample?: JsonObject;
  isObject: boolean;
  /** JSON errors and repeated keys: independent of the format. */
  syntax: readonly Finding[];
  /** The dialect that all below was found for; undefined: not checked yet. */
  checkedAs?: Dialect | null;
  structure: readonly Finding[];
  /** What the row's texts hold; undefined: not looked at yet. */
  inspection?: Inspection | undefined;
  /** What comparing the file's rows found. */
  beside?: readonly Finding[] | undefined;
  /** The row's tokens and what they were counted with. */
  length?: RowLength | undefined;
}

export interface Inspection {
  findings: readonly Finding[];
  /** Null for a row that cannot be read. */
  facts: RowFacts | null;
}

export interface RowLength {
  /** The settings it was counted under. */
  countedBy: object;
  /** Null: not counted, because it cannot be too long. */
  tokens: number | null;
  finding: Finding | null;
}

export interface Recognition {
  /** How rows are written; null: the file does not look like a data set. */
  dialect: Dialect | null;
  /** Set where dialect is null although rows resemble a format. */
  resembles: Format | null;
}

export interface DatasetState extends Recognition {
  version: number;
  /** Lines that are not blank. */
  rows: number;
}

/** What passing by a line that is up to date counts, in characters of one that is not. */
const KNOWN_LINE = 4;

const NONE: readonly Finding[] = [];

export class DatasetAnalysis {
  /** How often a line was parsed, checked and inspected since the beginning: what an edit costs. */
  readonly work = { parsed: 0, checked: 0, inspected: 0 };
  /** The last recognition and the rows that it was made from. */
  private recognised: { sample: readonly JsonObject[]; recognition: Recognition } | null = null;
  /** Lines whose texts are still to be looked at, the next one last; some may be gone by now. */
  private fresh: Line[] = [];
  /** Those that this pass has added, in the file's order. */
  private made: Line[] = [];

  /** `choice`: what settings say of the file. */
  constructor(
    readonly document: JsonlDocument,
    readonly choice: DialectChoice = AUTOMATIC,
  ) {}

  /**
   * Brings every line's syntax and structure up to date. Throws Cancelled when aborted; what is done by then is kept.
   * `partial` is called between two slices with what is known so far.
   */
  async checkStructure(signal: AbortSignal, partial?: (state: DatasetState) => void): Promise<DatasetState> {
    const slices = new Slices(signal);
    const { version } = this.document;
    const recognition = await this.recognise(slices);
    let rows = 0;
    try {
      for (const line of this.document.lines) {
        if (slices.due(isCurrent(line.record, recognition.dialect) ? KNOWN_LINE : line.text.length)) {
          partial?.({ ...recognition, version, rows });
          await slices.next();
        }
        if (this.bringUpToDate(line, recognition.dialect).kind !== "blank") rows++;
      }
    } finally {
      // What an edit has made comes before what is left of an earlier pass.
      this.fresh = this.fresh.concat(this.made.reverse());
      this.made = [];
    }
    if (signal.aborted) await slices.next();
    return { ...recognition, version, rows };
  }

  /** How many rows' texts have not been looked at, at most. */
  get uninspected(): number {
    return this.fresh.length;
  }

  /** Looks at the texts of the rows that are new. True if anything was done. */
  async inspect(inspector: RowInspector, { dialect }: DatasetState, signal: AbortSignal): Promise<boolean> {
    if (!dialect) return false;
    const slices = new Slices(signal);
    const before = this.work.inspected;
    while (this.fresh.length > 0) {
      const line = this.fresh[this.fresh.length - 1]!;
      if (slices.due(line.text.length)) await slices.next();
      this.fresh.pop();
      const { record } = line;
      if (!record || !mustInspect(record)) continue;
      this.work.inspected++;
      const { problems, facts } = inspector.inspect(record.sample ?? (JSON.parse(line.text) as JsonObject), dialect);
      record.inspection = { findings: problems.length === 0 ? NONE : locateProblems(line.text, problems), facts };
    }
    return this.work.inspected > before;
  }

  /** Detects how rows are written from the first rows that are objects, as preparation does. */
  private async recognise(slices: Slices): Promise<Recognition> {
    const sample: JsonObject[] = [];
    for (const line of this.document.lines) {
      if (sample.length >= DETECTION_SAMPLE) break;
      if (slices.due(line.record ? KNOWN_LINE : line.text.length)) await slices.next();
      const known = line.record;
      if (known && (!known.isObject || known.sample !== undefined)) {
        if (known.sample) sample.push(known.sample);
        continue;
      }
      const { record, value } = this.parse(line);
      if (!record.isObject) continue;
      record.sample = value as JsonObject;
      sample.push(record.sample);
    }
    const last = this.recognised;
    if (last?.sample.length === sample.length && sample.every((row, index) => row === last.sample[index])) {
      return last.recognition;
    }
    const recognition = recognise(sample, this.choice);
    // The same object for the same meaning: rows remember which one they were checked as.
    const dialect = last?.recognition.dialect;
    if (dialect && dialect.key === recognition.dialect?.key) recognition.dialect = dialect;
    this.recognised = { sample, recognition };
    return recognition;
  }

  private bringUpToDate(line: Line, dialect: Dialect | null): RowRecord {
    const known = line.record;
    if (known && isCurrent(known, dialect)) return known;
    // A known row is checked anew only when the file's dialect changes.
    const { record, value } = known
      ? { record: known, value: known.sample ?? JSON.parse(line.text) }
      : this.parse(line);
    if (record.kind === "value") {
      record.structure = dialect ? this.check(line, value, dialect) : NONE;
      record.checkedAs = dialect;
      if (dialect) this.made.push(line);
      record.inspection = undefined;
      record.beside = undefined;
      record.length = undefined;
    }
    return record;
  }

  private parse(line: Line): { record: RowRecord; value: unknown } {
    this.work.parsed++;
    const parsed = parseRow(line.text);
    const record: RowRecord = { kind: parsed.kind, isObject: false, syntax: NONE, structure: NONE };
    line.record = record;
    if (parsed.kind !== "blank") record.syntax = parsed.syntax;
    if (parsed.kind !== "value") return { record, value: undefined };
    record.isObject = isObject(parsed.value);
    return { record, value: parsed.value };
  }

  private check(line: Line, value: unknown, dialect: Dialect): readonly Finding[] {
    this.work.checked++;
    const problems = structureProblems(value, dialect);
    return problems.length === 0 ? NONE : locateProblems(line.text, problems);
  }
}

/** Whether a row can be read: nothing of its syntax or structure keeps it from being trained on. */
export function isReadable(record: RowRecord): boolean {
  return (
    record.isObject && Boolean(record.checkedAs) && record.structure.every(({ check }) => check === "unknown-field")
  );
}

function mustInspect(record: RowRecord): boolean {
  return record.inspection === undefined && isReadable(record);
}

function isCurrent(record: RowRecord | undefined, dialect: Dialect | null): boolean {
  return record !== undefined && (record.kind !== "value" || record.checkedAs === dialect);
}

/** `sample`: the first rows that are objects. */
export function recognise(sample: readonly JsonObject[], choice: DialectChoice = AUTOMATIC): Recognition {
  const dialect = detectDialect(sample, choice);
  if (!dialect) return { dialect: null, resembles: null };
  const { format } = dialect;
  const told = choice.format !== "auto" || Object.keys(choice.mapping ?? {}).length > 0;
  if (told || sample.length <= SMALL_FILE) return { dialect, resembles: null };
  const fits = sample.map((row) => fitness(row, format));
  const alike = fits.filter((value) => value > 0).length;
  const whole = fits.some((value) => value > 1);
  if (whole && alike >= sample.length * LEAST_SHARE) return { dialect, resembles: null };
  return { dialect: null, resembles: format };
}

/** How a message lists what rows may look like. */
export function knownFormats(): string {
  return formats.map((format) => `${format.name} ${format.example}`).join(", ");
}
