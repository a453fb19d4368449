import { Readable } from "node:stream";
import { type CsvError, parse } from "csv-parse";
import { LONGEST_LINE } from "../lines";
import { DatasetError } from "../problem";
import { firstBytes, readText } from "./readBytes";
import type { ImportRow, ReadOptions, RowSource, SourcePart } from "./rowSource";

/** CSV and TSV: delimiter and header are found in the file's beginning. */

const BATCH_ROWS = 1000;
const SAMPLE_BYTES = 64 * 1024;
const SAMPLE_RECORDS = 50;
const LONGEST_NAME = 100;
const delimiters = [",", "\t", ";", "|"];

export type Header = "auto" | "yes" | "no";

export async function openDelimited(part: SourcePart, header: Header, options: ReadOptions): Promise<RowSource> {
  const { path } = part;
  const sample = (await firstBytes(path, SAMPLE_BYTES)).toString("utf8").replace(/^\ufeff/, "");
  const delimiter = part.format === "tsv" ? "\t" : findDelimiter(sample);
  const [first] = sampleRecords(sample, delimiter);
  const hasHeader = header === "yes" || (header === "auto" && first !== undefined && looksLikeHeader(first));
  const columns = hasHeader ? first!.map((name) => name.trim()) : (first ?? []).map((_, index) => `column${index + 1}`);
  checkNames(path, columns);
  return {
    columns,
    batches: () => rowsOf(path, delimiter, columns, hasHeader, options),
    close: async () => {},
  };
}

async function* rowsOf(
  path: string,
  delimiter: string,
  columns: readonly string[],
  hasHeader: boolean,
  options: ReadOptions,
): AsyncGenerator<ImportRow[]> {
  const parser = parse({
    delimiter,
    // Row lengths are compared here, so that the message can say what is expected.
    relax_column_count: true,
    // A quote inside a text without quotes is a character like any other.
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_LINE,
    info: true,
  });
  const input = Readable.from(readText(path, options));
  input.once("error", (error) => parser.destroy(error));
  input.pipe(parser);
  let batch: ImportRow[] = [];
  let skip = hasHeader;
  let line = 1;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      const startLine = line;
      line = info.lines + 1;
      if (skip) {
        skip = false;
        continue;
      }
      if (record.length !== columns.length) throw wrongLength(path, startLine, record.length, columns, hasHeader);
      batch.push({ value: rowOf(columns, record), text: null, line: startLine });
      if (batch.length < BATCH_ROWS) continue;
      yield batch;
      batch = [];
    }
  } catch (error) {
    throw inWords(path, error);
  } finally {
    input.destroy();
  }
  if (batch.length > 0) yield batch;
}

function rowOf(columns: readonly string[], record: readonly string[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (let index = 0; index < columns.length; index++) row[columns[index]!] = record[index];
  return row;
}

function wrongLength(
  path: string,
  line: number,
  found: number,
  columns: readonly string[],
  hasHeader: boolean,
): DatasetError {
  const expected = `the ${hasHeader ? "header" : "first row"} has ${columns.length}`;
  return new DatasetError(
    `${path}: the row at line ${line} has ${found} value${found === 1 ? "" : "s"}, ${expected}: is a quote or a delimiter missing?`,
  );
}

function inWords(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || !String(error.code).startsWith("CSV_")) return error;
  const { code, lines } = error as CsvError & { lines?: number };
  const where = lines === undefined ? path : `${path}, line ${lines}`;
  if (code === "CSV_QUOTE_NOT_CLOSED") return new DatasetError(`${where}: a quote is opened and never closed.`);
  if (code === "CSV_MAX_RECORD_SIZE") {
    const limit = LONGEST_LINE / (1024 * 1024);
    return new DatasetError(`${where}: a row is longer than ${limit} MiB: is a quote never closed?`);
  }
  return new DatasetError(`${where}: ${error.message}.`);
}

function checkNames(path: string, columns: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of columns) {
    if (name === "" || name === "__proto__") {
      throw new DatasetError(`${path}: the header has a column named "${name}": give it another name.`);
    }
    if (seen.has(name)) throw new DatasetError(`${path}: the header names the column "${name}" twice.`);
    seen.add(name);
  }
}

/** The candidate that cuts most of the first records into the same number of values, and into most. */
export function findDelimiter(sample: string): string {
  let best = ",";
  let bestScore = 0;
  for (const candidate of delimiters) {
    const records = sampleRecords(sample, candidate);
    const width = records[0]?.length ?? 0;
    if (width < 2) continue;
    const agreeing = records.filter((record) => record.length === width).length / records.length;
    const score = agreeing + width / 1000;
    if (score > bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

/** The first records of a file's beginning; the last one may be cut off and is left out unless it is the only one. */
function sampleRecords(sample: string, delimiter: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let value = "";
  let at = 0;
  const endRecord = () => {
    record.push(value);
    if (record.length > 1 || value !== "") records.push(record);
    record = [];
    value = "";
  };
  while (at < sample.length && records.length < SAMPLE_RECORDS) {
    const char = sample[at]!;
    if (char === '"' && value === "") {
      const end = quotedEnd(sample, at);
      value = sample.slice(at + 1, end - 1).replaceAll('""', '"');
      at = end;
    } else if (char === delimiter) {
      record.push(value);
      value = "";
      at++;
    } else if (char === "\n" || char === "\r") {
      endRecord();
      at += char === "\r" && sample[at + 1] === "\n" ? 2 : 1;
    } else {
      const end = plainEnd(sample, at, delimiter);
      value += sample.slice(at, end);
      at = end;
    }
  }
  if (at >= sample.length && records.length === 0) endRecord();
  return records;
}

function quotedEnd(sample: string, at: number): number {
  for (let quote = sample.indexOf('"', at + 1); quote >= 0; quote = sample.indexOf('"', quote + 2)) {
    if (sample[quote + 1] !== '"') return quote + 1;
  }
  return sample.length + 1;
}

function plainEnd(sample: string, at: number, delimiter: string): number {
  let end = at + 1;
  while (end < sample.length && sample[end] !== delimiter && sample[end] !== "\n" && sample[end] !== "\r") end++;
  return end;
}

/** Names are short, differ from each other and are no numbers. */
export function looksLikeHeader(record: readonly string[]): boolean {
  const names = record.map((name) => name.trim());
  return (
    new Set(names).size === names.length &&
    names.every(
      (name) => name !== "" && name.length <= LONGEST_NAME && !/[\n\r.?!]$|\n/.test(name) && Number.isNaN(Number(name)),
    )
  );
}
