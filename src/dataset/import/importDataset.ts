import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { DatasetError } from "../problem";
import { ColumnPicker, type MappedColumn } from "./columnMapping";
import type { Header } from "./delimited";
import { hasLongNumber } from "./json/jsonText";
import { JsonLinesFile, refuseExisting } from "./jsonLinesFile";
import { openSource } from "./openSource";
import { chooseSplit, type FindOptions, findParts } from "./parts";
import type { DroppedRow, ImportRow, ReadOptions, Replacements, SourceFormat, SourcePart } from "./rowSource";

export interface ImportOptions extends FindOptions {
  split?: string | undefined;
  /** Empty: every column under its own name. */
  columns: readonly MappedColumn[];
  header: Header;
  /** Replaces a file that is there. */
  force: boolean;
  onDropped?(row: DroppedRow): void;
  /** The share of the source that has been read, and the rows written. */
  onProgress?(share: number, rows: number): void;
}

export interface ImportResult {
  path: string;
  rows: number;
  /** The fields that were written, in the order in which they came up. */
  columns: string[];
  split: string | null;
  sources: { path: string; format: SourceFormat; rows: number }[];
  /** Columns of the source that were not asked for. */
  leftOut: string[];
  /** Rows that could not be read, by check. */
  dropped: Record<string, number>;
  replaced: Replacements;
}

/** Writes the rows of files and folders as JSON Lines. The file appears whole or not at all. */
export async function importDataset(
  sources: readonly string[],
  output: string,
  options: ImportOptions,
): Promise<ImportResult> {
  await refuseExisting(output, options.force);
  const found = await findParts(sources, options);
  const parts = chooseSplit(found.parts, options.split);
  if (parts.some((part) => resolve(part.path) === resolve(output))) {
    throw new DatasetError(`${output} is the source itself: name another file to write.`);
  }
  const file = await JsonLinesFile.create(output);
  try {
    const result = await new Importer(file, output, options).run(parts);
    await file.finish();
    return result;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

class Importer {
  private readonly picker: ColumnPicker | null;
  private readonly fields = new Set<string>();
  private readonly leftOut = new Set<string>();
  private readonly result: ImportResult;

  constructor(
    private readonly file: JsonLinesFile,
    path: string,
    private readonly options: ImportOptions,
  ) {
    this.picker = options.columns.length === 0 ? null : new ColumnPicker(options.columns);
    this.result = {
      path,
      rows: 0,
      columns: [],
      split: null,
      sources: [],
      leftOut: [],
      dropped: {},
      replaced: { nonFinite: 0, largeIntegers: 0, roundedNumbers: 0, invalidTexts: 0 },
    };
  }

  async run(parts: readonly SourcePart[]): Promise<ImportResult> {
    const { result } = this;
    const sizes = await Promise.all(parts.map(async ({ path }) => (await stat(path)).size));
    const total = sizes.reduce((sum, size) => sum + size, 0) || 1;
    let before = 0;
    for (const [index, part] of parts.entries()) {
      const size = sizes[index]!;
      await this.read(part, (share) => this.options.onProgress?.((before + size * share) / total, result.rows));
      before += size;
    }
    this.picker?.checkFound();
    if (result.rows === 0) {
      const dropped = Object.values(result.dropped).reduce((sum, count) => sum + count, 0);
      const why = dropped === 0 ? "" : `; ${dropped.toLocaleString("en")} lines could not be read`;
      throw new DatasetError(`${parts.map(({ path }) => path).join(", ")}: there are no rows to import${why}.`);
    }
    result.split = parts[0]?.split ?? null;
    result.columns = [...this.fields];
    result.leftOut = [...this.leftOut];
    return result;
  }

  private async read(part: SourcePart, onProgress: (share: number) => void): Promise<void> {
    const { result, options, picker } = this;
    const rowsBefore = result.rows;
    const read: ReadOptions = {
      signal: options.signal,
      replaced: result.replaced,
      onProgress,
      onDropped: (row) => {
        result.dropped[row.check] = (result.dropped[row.check] ?? 0) + 1;
        options.onDropped?.(row);
      },
    };
    const source = await openSource(part, options.header, read);
    try {
      const needed = source.columns === null ? null : (picker?.neededOf(source.columns) ?? null);
      for (const column of source.columns ?? []) if (needed?.has(column) === false) this.leftOut.add(column);
      for await (const batch of source.batches(needed)) {
        options.signal?.throwIfAborted();
        for (const row of batch) await this.file.add(this.lineOf(part, row));
      }
    } finally {
      await source.close();
    }
    result.sources.push({ path: part.path, format: part.format, rows: result.rows - rowsBefore });
  }

  private lineOf(part: SourcePart, { value, text }: ImportRow): string {
    const { picker, fields } = this;
    this.result.rows++;
    const written = picker === null ? value : picker.pick(value);
    for (const key of Object.keys(written)) fields.add(key);
    if (picker !== null) for (const key of Object.keys(value)) this.noteLeftOut(key);
    if (picker === null && text !== null) return text;
    if (text !== null && hasLongNumber(text)) this.result.replaced.roundedNumbers++;
    try {
      return JSON.stringify(written);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new DatasetError(`${part.path}: row ${this.result.rows} is nested too deep to be written.`);
    }
  }

  private noteLeftOut(key: string): void {
    const isPicked = ({ from }: MappedColumn) => from === key || from.startsWith(`${key}.`);
    if (!this.leftOut.has(key) && !this.options.columns.some(isPicked)) this.leftOut.add(key);
  }
}
