import { type FileMetaData, parquetMetadataAsync, parquetSchema, type SchemaTree } from "hyparquet";
import { assembleNested } from "hyparquet/src/assemble.js";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { getTreePath } from "hyparquet/src/schema.js";
import { compressors } from "hyparquet-compressors";
import { DatasetError } from "../../problem";
import { decodeTextCounting, isoDate, isoTime, toJsonValue } from "../jsonValue";
import { RandomAccessFile } from "../randomAccessFile";
import type { ImportRow, ReadOptions, Replacements, RowSource, SourcePart } from "../rowSource";
import { ColumnCursor, type ColumnDecoder } from "./columnCursor";

const BATCH_ROWS = 256;

type RowGroup = FileMetaData["row_groups"][number];
type Parsers = ColumnDecoder["parsers"];

/** Reads pages of all columns side by side: memory holds a page or two of each, and the dictionaries. */
export async function openParquet(part: SourcePart, options: ReadOptions): Promise<RowSource> {
  const file = await RandomAccessFile.open(part.path);
  try {
    const metadata = await readMetadata(file);
    const schema = await file.decoding(async () => parquetSchema(metadata));
    const columns = schema.children.map((child) => child.element.name);
    for (const name of columns) {
      if (name === "__proto__" || columns.indexOf(name) !== columns.lastIndexOf(name)) {
        throw new DatasetError(`${file.path} has a column named "${name}" that cannot be told from another.`);
      }
    }
    return {
      columns,
      batches: (only) => new ParquetReader(file, metadata, schema, options).batches(only),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readMetadata(file: RandomAccessFile): Promise<FileMetaData> {
  const slice = async (start: number, end = file.byteLength) => {
    const bytes = await file.read(start, end);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  };
  try {
    return await parquetMetadataAsync({ byteLength: file.byteLength, slice }, { geoparquet: false });
  } catch {
    throw new DatasetError(`${file.path} is no Parquet file, or is damaged: its metadata cannot be read.`);
  }
}

class ParquetReader {
  private readonly parsers: Parsers;

  constructor(
    private readonly file: RandomAccessFile,
    private readonly metadata: FileMetaData,
    private readonly schema: SchemaTree,
    private readonly options: ReadOptions,
  ) {
    this.parsers = parsersOf(options.replaced);
  }

  async *batches(only: ReadonlySet<string> | null): AsyncGenerator<ImportRow[]> {
    const total = Number(this.metadata.num_rows);
    const columns = this.schema.children.filter(({ element }) => only === null || only.has(element.name));
    let done = 0;
    for (const group of this.metadata.row_groups) {
      const rows = Number(group.num_rows);
      const cursors = await this.file.decoding(async () => this.cursors(group, only));
      for (let left = rows; left > 0; ) {
        this.options.signal?.throwIfAborted();
        const count = Math.min(left, BATCH_ROWS);
        yield await this.file.decoding(() => this.batch(columns, cursors, count));
        left -= count;
        done += count;
        this.options.onProgress(total === 0 ? 1 : done / total);
      }
    }
  }

  private async batch(columns: SchemaTree[], cursors: ColumnCursor[], count: number): Promise<ImportRow[]> {
    const values = new Map<string, unknown[]>();
    for (const cursor of cursors) values.set(cursor.path, await cursor.take(count));
    for (const column of columns) assembleNested(values, column, this.parsers);
    return Array.from({ length: count }, (_, row) => {
      const value: Record<string, unknown> = {};
      for (const { element } of columns) {
        value[element.name] = toJsonValue(values.get(element.name)?.[row], element.name, this.options.replaced);
      }
      return { value, text: null, line: null };
    });
  }

  private cursors(group: RowGroup, only: ReadonlySet<string> | null): ColumnCursor[] {
    return group.columns.flatMap((chunk) => {
      const column = chunk.meta_data;
      if (column === undefined) throw new DatasetError(`${this.file.path} is encrypted, which cannot be read.`);
      if (only !== null && !only.has(column.path_in_schema[0]!)) return [];
      if (chunk.file_path)
        throw new DatasetError(`${this.file.path} keeps its columns in other files: merge them first.`);
      const schemaPath = getTreePath(this.schema, column.path_in_schema);
      const decoder: ColumnDecoder = {
        pathInSchema: column.path_in_schema,
        type: column.type,
        codec: column.codec,
        element: schemaPath[schemaPath.length - 1]!.element,
        schemaPath,
        parsers: this.parsers,
        compressors,
        // Bytes without a text type are looked at one by one: they may be pictures.
        utf8: false,
      };
      const start = Number(column.dictionary_page_offset || column.data_page_offset);
      const end = start + Number(column.total_compressed_size);
      return new ColumnCursor(this.file, decoder, start, end);
    });
  }
}

function parsersOf(replaced: Replacements): Parsers {
  return {
    ...DEFAULT_PARSERS,
    stringFromBytes: (bytes) => bytes && decodeTextCounting(bytes, replaced),
    jsonFromBytes: (bytes) => bytes && parsedOrText(decodeTextCounting(bytes, replaced)),
    dateFromDays: (days) => (days === undefined ? undefined : isoDate(days)),
    timestampFromMilliseconds: (units) => time(units, 1_000n),
    timestampFromMicroseconds: (units) => time(units, 1_000_000n),
    timestampFromNanoseconds: (units) => time(units, 1_000_000_000n),
  };
}

function time(units: bigint | undefined, unitsPerSecond: Parameters<typeof isoTime>[1]): string | undefined {
  return units === undefined ? undefined : isoTime(BigInt(units), unitsPerSecond);
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
