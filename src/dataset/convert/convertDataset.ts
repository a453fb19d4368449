import { resolve } from "node:path";
import type { FormatId } from "../../protocol/run";
import { canonicalDialect, type DialectChoice, DialectDetector, detectDialect, isObject } from "../formats/detect";
import type { Dialect } from "../formats/format";
import { formatById, formats } from "../formats/registry";
import { hasLongNumber } from "../import/json/jsonText";
import { JsonLinesFile, refuseExisting } from "../import/jsonLinesFile";
import { openSource } from "../import/openSource";
import type { ImportRow, ReadOptions } from "../import/rowSource";
import { DatasetError } from "../problem";
import { type Conversion, convertRow } from "./convertRow";

export interface ConvertOptions {
  /** How the file's rows are written. */
  from: DialectChoice;
  to: FormatId;
  /** Replaces a file that is there. */
  force: boolean;
  signal?: AbortSignal | undefined;
  /** The share of the file that has been read, and the rows written. */
  onProgress?(share: number, rows: number): void;
  /** A row that cannot be written in the other format, or that cannot be read. `line` is 1-based. */
  onLeftOut?(row: LeftOutRow): void;
}

export interface LeftOutRow {
  line: number;
  check: string;
  message: string;
}

export interface ConvertResult {
  path: string;
  from: FormatId;
  to: FormatId;
  rows: number;
  leftOut: number;
  /** Rows by what they do not say any more. */
  lost: Record<string, number>;
}

/** Formats that rows can be written in. */
export const writableFormats: readonly FormatId[] = formats
  .filter(({ untrainable }) => untrainable === null)
  .map(({ id }) => id);

/** Writes a data set in another format. The file appears whole or not at all. */
export async function convertDataset(path: string, output: string, options: ConvertOptions): Promise<ConvertResult> {
  if (!writableFormats.includes(options.to)) {
    throw new DatasetError(
      `There is no format "${options.to}" to convert to: choose one of ${writableFormats.join(", ")}.`,
    );
  }
  if (resolve(path) === resolve(output))
    throw new DatasetError(`${output} is the data set itself: name another file to write.`);
  await refuseExisting(output, options.force);
  const from = await detectDialectOfFile(path, options);
  const file = await JsonLinesFile.create(output);
  try {
    const result = await convertRows(path, output, file, from, options);
    if (result.rows === 0) {
      throw new DatasetError(
        `${path}: none of its ${result.leftOut.toLocaleString("en")} rows can be written as ${options.to}.`,
      );
    }
    await file.finish();
    return result;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

async function detectDialectOfFile(path: string, options: ConvertOptions): Promise<Dialect> {
  const detector = new DialectDetector(options.from);
  for await (const batch of batchesOf(path, { ...silent, signal: options.signal })) {
    for (const { value } of batch) detector.add(value);
    if (detector.complete) break;
  }
  const dialect = detector.result();
  if (dialect === null) throw new DatasetError(`${path}: its rows fit no known format: name it with --from.`);
  return dialect;
}

async function convertRows(
  path: string,
  output: string,
  file: JsonLinesFile,
  from: Dialect,
  options: ConvertOptions,
): Promise<ConvertResult> {
  const result: ConvertResult = { path: output, from: from.format.id, to: options.to, rows: 0, leftOut: 0, lost: {} };
  const to = canonicalDialect(formatById(options.to));
  const leaveOut = (row: LeftOutRow) => {
    result.leftOut++;
    options.onLeftOut?.(row);
  };
  const reading: ReadOptions = {
    ...silent,
    signal: options.signal,
    onDropped: leaveOut,
    onProgress: (share) => options.onProgress?.(share, result.rows),
  };
  for await (const batch of batchesOf(path, reading)) {
    options.signal?.throwIfAborted();
    for (const row of batch) {
      const converted = convertedRow(row, from, to);
      if ("refused" in converted) {
        leaveOut({ line: row.line ?? 0, check: "not-converted", message: converted.refused });
        continue;
      }
      result.rows++;
      for (const what of converted.lost) result.lost[what] = (result.lost[what] ?? 0) + 1;
      await file.add(converted.text);
    }
  }
  return result;
}

const silent: ReadOptions = {
  replaced: { nonFinite: 0, largeIntegers: 0, roundedNumbers: 0, invalidTexts: 0 },
  onDropped: () => {},
  onProgress: () => {},
};

async function* batchesOf(path: string, options: ReadOptions): AsyncGenerator<ImportRow[]> {
  const source = await openSource({ path, format: "json", split: null }, "auto", options);
  try {
    yield* source.batches(null);
  } finally {
    await source.close();
  }
}

function convertedRow(
  row: ImportRow,
  from: Dialect,
  to: Dialect,
): { text: string; lost: string[] } | { refused: string } {
  try {
    const conversion = convertAny(row.value, from, to);
    if (conversion.value === null) return conversion;
    const lost = hasLongNumber(row.text ?? "") ? [...conversion.lost, "digits of large numbers"] : conversion.lost;
    return { text: JSON.stringify(conversion.value), lost };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { refused: "The row is nested too deep to be written." };
  }
}

/** A row that is written in another way than the file is read as what it is. */
function convertAny(value: unknown, from: Dialect, to: Dialect): Conversion {
  const conversion = convertRow(value, from, to);
  if (conversion.value !== null || !isObject(value)) return conversion;
  const own = detectDialect([value]);
  if (own === null || own.format === from.format) return conversion;
  const second = convertRow(value, own, to);
  return second.value === null ? conversion : second;
}
