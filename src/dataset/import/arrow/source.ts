import { DatasetError } from "../../problem";
import { toJsonValue } from "../jsonValue";
import { RandomAccessFile } from "../randomAccessFile";
import type { ImportRow, ReadOptions, RowSource, SourcePart } from "../rowSource";
import { columnValues } from "./columnValues";
import { Table } from "./flatbuffers";
import { RecordBatch } from "./recordBatch";
import { type ArrowField, checkReadable, readSchema } from "./schema";

/** Arrow's IPC stream, in which Hugging Face `datasets` keeps its tables, and the file format that wraps one. */

const BATCH_ROWS = 256;
const CONTINUATION = 0xffffffff;
const FILE_MAGIC = "ARROW1";
const LARGEST_METADATA = 64 * 1024 * 1024;
/** MessageHeader of format/Message.fbs. */
const SCHEMA = 1;
const DICTIONARY_BATCH = 2;
const RECORD_BATCH = 3;

interface Message {
  kind: number;
  header: Table;
  bodyStart: number;
  bodyLength: number;
}

export async function openArrow(part: SourcePart, options: ReadOptions): Promise<RowSource> {
  const file = await RandomAccessFile.open(part.path);
  try {
    const reader = new ArrowReader(file, options);
    const fields = await file.decoding(() => reader.readSchema());
    return {
      columns: fields.map((field) => field.name),
      batches: (only) => reader.batches(only),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

class ArrowReader {
  private at = 0;
  private fields: ArrowField[] = [];
  private readonly dictionaries = new Map<bigint, unknown[]>();

  constructor(
    private readonly file: RandomAccessFile,
    private readonly options: ReadOptions,
  ) {}

  async readSchema(): Promise<ArrowField[]> {
    const start = await this.file.read(0, Math.min(8, this.file.byteLength));
    if (start.toString("latin1", 0, 6) === FILE_MAGIC) this.at = 8;
    const message = await this.nextMessage();
    if (message?.kind !== SCHEMA)
      throw new DatasetError(`${this.file.path} is no Arrow file: it does not begin with a schema.`);
    this.fields = readSchema(this.file.path, message.header);
    const names = this.fields.map((field) => field.name);
    for (const name of names) {
      if (name === "__proto__" || names.indexOf(name) !== names.lastIndexOf(name)) {
        throw new DatasetError(`${this.file.path} has a column named "${name}" that cannot be told from another.`);
      }
    }
    return this.fields;
  }

  async *batches(only: ReadonlySet<string> | null): AsyncGenerator<ImportRow[]> {
    for (const field of this.fields) if (only?.has(field.name) ?? true) checkReadable(this.file.path, field);
    for (;;) {
      const message = await this.file.decoding(() => this.nextMessage());
      if (message === null) return;
      if (message.kind === DICTIONARY_BATCH) await this.file.decoding(() => this.readDictionary(message));
      if (message.kind !== RECORD_BATCH) continue;
      const batch = await this.file.decoding(async () => this.open(message, message.header, this.fields));
      for (let start = 0; start < batch.length; start += BATCH_ROWS) {
        this.options.signal?.throwIfAborted();
        const end = Math.min(start + BATCH_ROWS, batch.length);
        yield await this.file.decoding(() => this.rows(batch, only, start, end));
        this.options.onProgress(this.share(message, end / batch.length));
      }
    }
  }

  private async rows(
    batch: RecordBatch,
    only: ReadonlySet<string> | null,
    start: number,
    end: number,
  ): Promise<ImportRow[]> {
    const { dictionaries } = this;
    const { replaced } = this.options;
    const rows: ImportRow[] = Array.from({ length: end - start }, () => ({ value: {}, text: null, line: null }));
    for (const column of batch.columns) {
      const { name } = column.field;
      if (only !== null && !only.has(name)) continue;
      const values = await columnValues({ batch, dictionaries, replaced }, column, start, end);
      for (const [index, value] of values.entries()) rows[index]!.value[name] = toJsonValue(value, name, replaced);
    }
    return rows;
  }

  private async readDictionary(message: Message): Promise<void> {
    const id = message.header.long(0);
    const data = message.header.table(1);
    const field = findDictionary(this.fields, id);
    if (data === null || field === null) throw this.file.damaged();
    const batch = this.open(message, data, [{ ...field, dictionary: null }]);
    const { dictionaries } = this;
    const values = await columnValues(
      { batch, dictionaries, replaced: this.options.replaced },
      batch.columns[0]!,
      0,
      batch.length,
    );
    const isDelta = message.header.byte(2) !== 0;
    dictionaries.set(id, isDelta ? [...(dictionaries.get(id) ?? []), ...values] : values);
  }

  private open(message: Message, header: Table, fields: readonly ArrowField[]): RecordBatch {
    return new RecordBatch(this.file, header, message.bodyStart, message.bodyLength, fields);
  }

  /** Null at the end of the stream. */
  private async nextMessage(): Promise<Message | null> {
    if (this.at + 4 > this.file.byteLength) return null;
    let length = (await this.file.read(this.at, this.at + 4)).readUInt32LE(0);
    this.at += 4;
    // Streams written before Arrow 0.15 have no continuation mark.
    if (length === CONTINUATION) {
      length = (await this.file.read(this.at, this.at + 4)).readUInt32LE(0);
      this.at += 4;
    }
    if (length === 0) return null;
    if (length > LARGEST_METADATA) throw this.file.damaged();
    const metadata = Table.root(await this.file.read(this.at, this.at + length));
    const header = metadata.table(2);
    const bodyStart = this.at + length;
    const bodyLength = Number(metadata.long(3));
    if (header === null || !(bodyLength >= 0) || bodyStart + bodyLength > this.file.byteLength)
      throw this.file.damaged();
    this.at = bodyStart + bodyLength;
    return { kind: metadata.byte(1), header, bodyStart, bodyLength };
  }

  private share({ bodyStart, bodyLength }: Message, ofBody: number): number {
    return (bodyStart + bodyLength * ofBody) / this.file.byteLength;
  }
}

function findDictionary(fields: readonly ArrowField[], id: bigint): ArrowField | null {
  for (const field of fields) {
    if (field.dictionary?.id === id) return field;
    const child = findDictionary(field.children, id);
    if (child !== null) return child;
  }
  return null;
}
