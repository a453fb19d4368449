/**
 * What is known about one open data set. Every line's result is kept with its line object, so after an edit only the
 * lines it made are parsed and checked; the rest is put together anew.
 */

import { checkRow } from "../dataset/checkRow";
import { DETECTION_SAMPLE, FormatDetector, isObject } from "../dataset/formats/detect";
import type { Format } from "../dataset/formats/format";
import { formats } from "../dataset/formats/registry";
import type { JsonlDocument, Line } from "./jsonlDocument";
import { checkParsedRow, type Finding, parseRow } from "./rowAnalysis";
import { Slices } from "./slices";

/** In larger files a format is taken for granted only if at least one sampled row is whole and one in ten resembles it. */
const SMALL_FILE = 20;
const LEAST_SHARE = 0.1;

/** What is remembered of a line. */
export interface RowRecord {
  kind: "blank" | "invalid" | "value";
  /** Kept for the rows that the format is detected by. */
  sample?: unknown;
  isObject: boolean;
  /** JSON errors and repeated keys: independent of the format. */
  syntax: readonly Finding[];
  /** The format `problems` were found for; undefined: not checked yet. */
  checkedAs?: Format | null;
  problems: readonly Finding[];
  /** The over-length finding and what it was counted with. */
  length?: RowLength;
}

export interface RowLength {
  /** The settings it was counted under. */
  countedBy: object;
  finding: Finding | null;
}

export interface Recognition {
  /** The format rows are checked against; null: the file does not look like a data set. */
  format: Format | null;
  /** Set where format is null although rows resemble one. */
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
  /** How often a line was parsed and checked since the beginning: what an edit costs. */
  readonly work = { parsed: 0, checked: 0 };

  constructor(readonly document: JsonlDocument) {}

  /** Brings every line up to date. Throws Cancelled when aborted; what is done by then is kept. */
  async run(signal: AbortSignal): Promise<DatasetState> {
    const slices = new Slices(signal);
    const { version } = this.document;
    const recognition = await this.recognise(slices);
    let rows = 0;
    for (const line of this.document.lines) {
      if (slices.due(isCurrent(line.record, recognition.format) ? KNOWN_LINE : line.text.length)) await slices.next();
      if (this.bringUpToDate(line, recognition.format).kind !== "blank") rows++;
    }
    await slices.next();
    return { ...recognition, version, rows };
  }

  /** Detects the format from the first rows that are objects, as preparation does. */
  private async recognise(slices: Slices): Promise<Recognition> {
    const sample: unknown[] = [];
    for (const line of this.document.lines) {
      if (sample.length >= DETECTION_SAMPLE) break;
      if (slices.due(line.record ? KNOWN_LINE : line.text.length)) await slices.next();
      const known = line.record;
      if (known && (!known.isObject || known.sample !== undefined)) {
        if (known.isObject) sample.push(known.sample);
        continue;
      }
      const { record, value } = this.parse(line);
      if (!record.isObject) continue;
      record.sample = value;
      sample.push(value);
    }
    return recognise(sample);
  }

  private bringUpToDate(line: Line, format: Format | null): RowRecord {
    const known = line.record;
    if (known && isCurrent(known, format)) return known;
    // A known row is checked anew only when the file's format changes.
    const { record, value } = known
      ? { record: known, value: known.sample ?? JSON.parse(line.text) }
      : this.parse(line);
    if (record.kind === "value") {
      record.problems = format ? this.check(line, value, format) : NONE;
      record.checkedAs = format;
      record.length = undefined;
    }
    return record;
  }

  private parse(line: Line): { record: RowRecord; value: unknown } {
    this.work.parsed++;
    const parsed = parseRow(line.text);
    const record: RowRecord = { kind: parsed.kind, isObject: false, syntax: NONE, problems: NONE };
    line.record = record;
    if (parsed.kind === "invalid") record.syntax = parsed.findings;
    if (parsed.kind !== "value") return { record, value: undefined };
    record.isObject = isObject(parsed.value);
    if (parsed.duplicates.length > 0) record.syntax = parsed.duplicates;
    return { record, value: parsed.value };
  }

  private check(line: Line, value: unknown, format: Format): readonly Finding[] {
    this.work.checked++;
    // Nearly every row is in order: positions are looked up only where one is not.
    return checkRow(value, format).length === 0 ? NONE : checkParsedRow(line.text, value, format);
  }
}

function isCurrent(record: RowRecord | undefined, format: Format | null): boolean {
  return record !== undefined && (record.kind !== "value" || record.checkedAs === format);
}

/** `sample`: parsed rows that are objects. */
export function recognise(sample: readonly unknown[]): Recognition {
  const detector = new FormatDetector();
  for (const value of sample) detector.add(value);
  const format = detector.result();
  if (!format) return { format: null, resembles: null };
  if (sample.length <= SMALL_FILE) return { format, resembles: null };
  const resemblances = sample.map((value) => format.resemblance(value as Record<string, unknown>));
  const alike = resemblances.filter((resemblance) => resemblance > 0).length;
  const whole = resemblances.some((resemblance) => resemblance >= 1);
  if (whole && alike >= sample.length * LEAST_SHARE) return { format, resembles: null };
  return { format: null, resembles: format };
}

/** How a message lists what rows may look like. */
export function knownFormats(): string {
  return formats.map((format) => `${format.name} ${format.example}`).join(", ");
}
