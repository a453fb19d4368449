import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { SampleKind, SplitSummary } from "../protocol/run";
import { COMPLETION_SOURCE, type EncodedDocument } from "./readDataset";

/** data/<split>.tokens and .documents, to the byte as src/protocol/run.ts lays them out. */

const HEADER_BYTES = 16;
const RECORD_BYTES = 32;
const FORMAT_VERSION = 1;
const BUFFER_BYTES = 1024 * 1024;
const kinds: Record<SampleKind, number> = { instruct: 0, prefix: 1, fim: 2 };

export class SplitWriter {
  readonly summary: SplitSummary = { rows: 0, documents: 0, sequences: 0, tokens: 0, targets: 0 };

  private constructor(
    private readonly tokens: BufferedFile,
    private readonly documents: BufferedFile,
  ) {}

  static async create(folder: string, split: "train" | "eval"): Promise<SplitWriter> {
    const tokens = await BufferedFile.create(join(folder, `${split}.tokens`));
    const documents = await BufferedFile.create(join(folder, `${split}.documents`));
    header(tokens, "TSTOKENS", 0);
    header(documents, "TSDOCUMT", RECORD_BYTES);
    return new SplitWriter(tokens, documents);
  }

  async addSequence(documents: readonly EncodedDocument[]): Promise<void> {
    for (const document of documents) {
      this.record(document);
      const at = this.tokens.reserve(document.tokens.length * 4);
      for (const [index, word] of document.tokens.entries()) at.writeUInt32LE(word, index * 4);
      await this.tokens.flushIfFull();
      await this.documents.flushIfFull();
    }
    this.summary.sequences++;
  }

  private record({ tokens, targets, row, source, copy, kind }: EncodedDocument): void {
    const { summary } = this;
    const at = this.documents.reserve(RECORD_BYTES);
    at.writeBigUInt64LE(BigInt(summary.tokens), 0);
    at.writeUInt32LE(tokens.length, 8);
    at.writeUInt32LE(targets, 12);
    at.writeUInt32LE(row, 16);
    at.writeUInt16LE(source, 20);
    at.writeUInt16LE(kinds[kind], 22);
    at.writeUInt32LE(summary.sequences, 24);
    at.writeUInt32LE(0, 28);
    if (copy === 0 && source !== COMPLETION_SOURCE) summary.rows++;
    summary.documents++;
    summary.tokens += tokens.length;
    summary.targets += targets;
  }

  /** On disk when this returns. */
  async finish(): Promise<void> {
    await this.tokens.finish();
    await this.documents.finish();
  }

  /** After a failure; nothing is left to do after finish(). */
  async close(): Promise<void> {
    await this.tokens.close();
    await this.documents.close();
  }
}

function header(file: BufferedFile, magic: string, detail: number): void {
  const at = file.reserve(HEADER_BYTES);
  at.write(magic, 0, "latin1");
  at.writeUInt32LE(FORMAT_VERSION, 8);
  at.writeUInt32LE(detail, 12);
}

class BufferedFile {
  private buffer = Buffer.alloc(BUFFER_BYTES);
  private used = 0;
  private handle: FileHandle | null;

  private constructor(
    private readonly path: string,
    handle: FileHandle,
  ) {
    this.handle = handle;
  }

  static async create(path: string): Promise<BufferedFile> {
    return new BufferedFile(path, await open(path, "w"));
  }

  /** Room for `bytes` more, to be filled before the next call. */
  reserve(bytes: number): Buffer {
    const end = this.used + bytes;
    if (end > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(end, this.buffer.length * 2));
      this.buffer.copy(larger, 0, 0, this.used);
      this.buffer = larger;
    }
    const view = this.buffer.subarray(this.used, end);
    this.used = end;
    return view;
  }

  async flushIfFull(): Promise<void> {
    if (this.used >= BUFFER_BYTES) await this.flush();
  }

  async finish(): Promise<void> {
    await this.flush();
    await this.naming(() => this.handle!.sync());
    await this.close();
  }

  async close(): Promise<void> {
    const { handle } = this;
    this.handle = null;
    await handle?.close();
  }

  private async flush(): Promise<void> {
    for (let written = 0; written < this.used; ) {
      const result = await this.naming(() => this.handle!.write(this.buffer, written, this.used - written));
      written += result.bytesWritten;
    }
    this.used = 0;
  }

  /** Node leaves the path out of a failed write's error; whoever reports it needs it. */
  private async naming<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw Object.assign(error as Error, { path: this.path });
    }
  }
}
