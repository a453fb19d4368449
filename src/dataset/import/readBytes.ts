import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { DatasetError } from "../problem";

const CHUNK_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const LFS_POINTER = "version https://git-lfs.github.com/spec/";

export interface ReadBytesOptions {
  signal?: AbortSignal | undefined;
  /** The share of the file that has been read, 0 to 1. */
  onProgress?(share: number): void;
}

/** The first bytes of a file, decompressed where it is gzip. */
export async function firstBytes(path: string, count: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of bytesOf(path, {})) {
    pieces.push(chunk);
    length += chunk.length;
    if (length >= count) break;
  }
  return Buffer.concat(pieces).subarray(0, count);
}

/** A file that Git LFS has not fetched holds a few lines in the data's place. */
export function refuseLfsPointer(path: string, start: Buffer): void {
  if (start.subarray(0, LFS_POINTER.length).toString("latin1") !== LFS_POINTER) return;
  throw new DatasetError(`${path} holds a Git LFS pointer instead of the data: fetch it with "git lfs pull".`);
}

/**
 * The bytes of a text file in chunks that end between characters: UTF-8 without its byte order mark, decompressed where
 * the file is gzip. Throws a DatasetError that names the line where the file is not UTF-8.
 */
export async function* readText(path: string, options: ReadBytesOptions = {}): AsyncGenerator<Buffer> {
  let lines = 0;
  let rest: Buffer = Buffer.alloc(0);
  let first = true;
  for await (const read of bytesOf(path, options)) {
    let chunk = rest.length === 0 ? read : Buffer.concat([rest, read]);
    if (first) {
      // The shortest thing that is looked for has three bytes; a stream may begin with fewer.
      if (chunk.length < 3) {
        rest = chunk;
        continue;
      }
      chunk = checkedStart(path, chunk);
      first = false;
    }
    const end = wholeCharacters(chunk);
    rest = Buffer.from(chunk.subarray(end));
    const whole = chunk.subarray(0, end);
    if (!isUtf8(whole)) throw notUtf8(path, lines + linesBeforeFault(whole));
    lines += lineFeeds(whole);
    if (whole.length > 0) yield whole;
  }
  if (rest.length === 0) return;
  if (!isUtf8(rest)) throw notUtf8(path, lines);
  yield rest;
}

async function* bytesOf(path: string, options: ReadBytesOptions): AsyncGenerator<Buffer> {
  const stream = await openBytes(path, options);
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (error) {
    const isFromGunzip = error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
    throw isFromGunzip ? new DatasetError(`${path}: the compressed data is damaged or cut off.`) : error;
  }
}

async function openBytes(path: string, { signal, onProgress }: ReadBytesOptions): Promise<Readable> {
  const compressed = await isGzip(path);
  const { size } = await stat(path);
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES, signal });
  let done = 0;
  file.on("data", (chunk) => {
    done += chunk.length;
    onProgress?.(size === 0 ? 1 : done / size);
  });
  file.pause();
  if (!compressed) return file;
  // Errors of both streams come out of the last one.
  return pipeline(file, createGunzip({ chunkSize: CHUNK_BYTES }), () => {});
}

async function isGzip(path: string): Promise<boolean> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

function checkedStart(path: string, chunk: Buffer): Buffer {
  refuseLfsPointer(path, chunk);
  if ((chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff)) {
    throw new DatasetError(`${path} is UTF-16: save it as UTF-8.`);
  }
  return chunk.subarray(0, 3).equals(BYTE_ORDER_MARK) ? chunk.subarray(3) : chunk;
}

/** The length without a last character of which bytes are still to come. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return bytes.length;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

export function lineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

function linesBeforeFault(bytes: Buffer): number {
  let count = 0;
  for (let start = 0; ; count++) {
    const end = bytes.indexOf(LINE_FEED, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return count;
    start = end + 1;
  }
}

function notUtf8(path: string, linesBefore: number): DatasetError {
  return new DatasetError(`${path}, line ${linesBefore + 1}: the bytes are not UTF-8: save the file as UTF-8.`);
}
