import { decompressZstd } from "hyparquet-compressors";
import { DatasetError } from "../../problem";
import type { RandomAccessFile } from "../randomAccessFile";
import type { Table } from "./flatbuffers";
import { decompressLz4Frame } from "./lz4Frame";
import type { ArrowField } from "./schema";

/** A decompressed buffer is held whole. */
const LARGEST_BUFFER = 1024 * 1024 * 1024;

/** One column of a record batch: which of the batch's buffers are its own. */
export interface BatchColumn {
  field: ArrowField;
  length: number;
  hasNulls: boolean;
  /** Numbers of the buffers; absent ones are undefined. */
  validity: number | undefined;
  offsets: number | undefined;
  data: number | undefined;
  children: BatchColumn[];
}

/** A RecordBatch message (format/Message.fbs of Apache Arrow): its columns, and its body of which pieces are read. */
export class RecordBatch {
  readonly length: number;
  readonly columns: BatchColumn[];
  private readonly nodes: [number, number][];
  private readonly buffers: [number, number][];
  private readonly compression: "none" | "lz4" | "zstd";
  private readonly decompressed = new Map<number, Buffer>();
  private nextNode = 0;
  private nextBuffer = 0;

  constructor(
    private readonly file: RandomAccessFile,
    header: Table,
    private readonly bodyStart: number,
    private readonly bodyLength: number,
    fields: readonly ArrowField[],
  ) {
    this.length = Number(header.long(0));
    this.nodes = header.pairs(1);
    this.buffers = header.pairs(2);
    const compression = header.table(3);
    this.compression = compression === null ? "none" : compression.byte(0) === 0 ? "lz4" : "zstd";
    this.columns = fields.map((field) => this.column(field));
  }

  private column(field: ArrowField): BatchColumn {
    const node = this.nodes[this.nextNode++];
    if (node === undefined || !(node[0] >= 0)) throw this.file.damaged();
    const { kind } = field.type;
    const column: BatchColumn = {
      field,
      length: node[0],
      hasNulls: node[1] !== 0,
      validity: undefined,
      offsets: undefined,
      data: undefined,
      children: [],
    };
    if (field.dictionary !== null) {
      column.validity = this.nextBuffer++;
      column.data = this.nextBuffer++;
      return column;
    }
    if (kind === "null") return column;
    column.validity = this.nextBuffer++;
    if (kind === "text" || kind === "binary" || kind === "map") column.offsets = this.nextBuffer++;
    if (field.type.kind === "list" && field.type.size === null) column.offsets = this.nextBuffer++;
    if (kind !== "list" && kind !== "struct" && kind !== "map") column.data = this.nextBuffer++;
    column.children = field.children.map((child) => this.column(child));
    return column;
  }

  /** Whether the buffer holds nothing, which stands for a bitmap of which every bit is set. */
  isEmpty(buffer: number | undefined): boolean {
    return buffer === undefined || (this.buffers[buffer]?.[1] ?? 0) === 0;
  }

  /** The buffer's bytes from `from` to `to`. */
  async bytes(buffer: number | undefined, from: number, to: number): Promise<Buffer> {
    const place = buffer === undefined ? undefined : this.buffers[buffer];
    if (place === undefined || !(from >= 0 && to >= from)) throw this.file.damaged();
    if (from === to) return Buffer.alloc(0);
    const [offset, length] = place;
    if (!(offset >= 0 && length >= 0 && offset + length <= this.bodyLength)) throw this.file.damaged();
    if (this.compression !== "none") {
      const whole = await this.decompress(buffer!, this.bodyStart + offset, length);
      if (to > whole.length) throw this.file.damaged();
      return whole.subarray(from, to);
    }
    if (to > length) throw this.file.damaged();
    return this.file.read(this.bodyStart + offset + from, this.bodyStart + offset + to);
  }

  private async decompress(buffer: number, start: number, length: number): Promise<Buffer> {
    const known = this.decompressed.get(buffer);
    if (known !== undefined) return known;
    const bytes = await this.file.read(start, start + length);
    const size = Number(bytes.readBigInt64LE(0));
    // -1: it would not have become shorter.
    const whole = size === -1 ? bytes.subarray(8) : this.inflate(bytes.subarray(8), size);
    this.decompressed.set(buffer, whole);
    return whole;
  }

  private inflate(bytes: Buffer, size: number): Buffer {
    if (!(size >= 0 && size <= LARGEST_BUFFER)) {
      throw new DatasetError(`${this.file.path} has a compressed buffer that is too large to read.`);
    }
    if (this.compression === "lz4") return decompressLz4Frame(bytes, size);
    const whole = decompressZstd(bytes);
    if (whole.length !== size) throw this.file.damaged();
    return Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength);
  }
}
