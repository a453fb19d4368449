import type { FileHandle } from "node:fs/promises";
import { openPlain } from "./boundedFile";
import { RunError } from "./runError";

const CHUNK_RECORDS = 4096;
const FORMAT_VERSION = 1;

/** Of a file that begins with a name, version 1 and the record size (src/protocol/run.ts lays both kinds out). */
export interface RecordLayout {
  /** Of 8 characters. */
  magic: string;
  headerBytes: number;
  recordBytes: number;
}

/** data/<split>.documents. */
export const documentLayout: RecordLayout = { magic: "TSDOCUMT", headerBytes: 16, recordBytes: 32 };

/** Where the document at an offset of `records` comes from. */
export function placeAt(records: Buffer, offset: number): { source: number; row: number } {
  return { source: records.readUInt16LE(offset + 20), row: records.readUInt32LE(offset + 16) };
}

/** A file of records, read in pieces. */
export class RecordFile {
  private constructor(
    readonly path: string,
    readonly header: Buffer,
    /** Whole ones; what a cut-off file has behind them is left out. */
    readonly records: number,
    private readonly handle: FileHandle,
    private readonly layout: RecordLayout,
  ) {}

  /** Throws one sentence where the file is not of this kind. */
  static async open(path: string, layout: RecordLayout): Promise<RecordFile> {
    const handle = await openPlain(path);
    try {
      const header = Buffer.alloc(layout.headerBytes);
      const { bytesRead } = await handle.read(header, 0, layout.headerBytes, 0);
      const known =
        bytesRead === layout.headerBytes &&
        header.toString("latin1", 0, 8) === layout.magic &&
        header.readUInt32LE(8) === FORMAT_VERSION &&
        header.readUInt32LE(12) === layout.recordBytes;
      if (!known) throw new RunError(`${path} is damaged, or of another version: its head is not as expected.`);
      const { size } = await handle.stat();
      const records = Math.floor((size - layout.headerBytes) / layout.recordBytes);
      return new RecordFile(path, header, records, handle, layout);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Up to 4,096 records from the given one on, one behind the other; empty at the end. */
  async read(from: number): Promise<Buffer> {
    const { headerBytes, recordBytes } = this.layout;
    const count = Math.max(0, Math.min(CHUNK_RECORDS, this.records - from));
    const buffer = Buffer.alloc(count * recordBytes);
    let filled = 0;
    while (filled < buffer.length) {
      const at = headerBytes + from * recordBytes + filled;
      const { bytesRead } = await this.handle.read(buffer, filled, buffer.length - filled, at);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, Math.floor(filled / recordBytes) * recordBytes);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
