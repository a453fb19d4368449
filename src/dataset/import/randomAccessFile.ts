import { type FileHandle, open } from "node:fs/promises";
import { DatasetError } from "../problem";

/** A file of which pieces are read. */
export class RandomAccessFile {
  private constructor(
    readonly path: string,
    readonly byteLength: number,
    private readonly handle: FileHandle,
  ) {}

  static async open(path: string): Promise<RandomAccessFile> {
    const handle = await open(path);
    try {
      return new RandomAccessFile(path, (await handle.stat()).size, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Exactly the bytes from `start` to `end`. Throws a DatasetError where the file has fewer. */
  async read(start: number, end: number): Promise<Buffer> {
    if (!(start >= 0 && end >= start && end <= this.byteLength)) throw this.damaged();
    const bytes = Buffer.from(new ArrayBuffer(end - start));
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.handle.read(bytes, done, bytes.length - done, start + done);
      if (bytesRead === 0) throw this.damaged();
      done += bytesRead;
    }
    return bytes;
  }

  /** Runs what decodes the file's bytes: whatever it throws over them becomes a DatasetError. */
  async decoding<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      const isSystem = error instanceof Error && ("syscall" in error || error.name === "AbortError");
      if (error instanceof DatasetError || isSystem) throw error;
      throw this.damaged();
    }
  }

  damaged(): DatasetError {
    return new DatasetError(`${this.path} is damaged or cut off: it does not hold what its metadata says.`);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
