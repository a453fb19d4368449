import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { openNamedFile } from "./plainFile";
import { RunError } from "./runError";

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 0x0a;
const MAX_CONFIG_BYTES = 4 << 20;
/** As native/src/run/checkpoint.cpp samples a file of weights. */
const PIECE_BYTES = 16 << 10;
const PIECES = 64;

/** SHA-256 of a file, and how many of its lines hold more than white space. */
export async function hashFile(file: string, signal?: AbortSignal): Promise<{ sha256: string; rows: number }> {
  const handle = await openNamedFile(file);
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let rows = 0;
    let filled = false;
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) return { sha256: hash.digest("hex"), rows: filled ? rows + 1 : rows };
      const bytes = buffer.subarray(0, bytesRead);
      hash.update(bytes);
      for (const byte of bytes) {
        if (byte === NEWLINE) {
          if (filled) rows++;
          filled = false;
        } else if (byte > 0x20) filled = true;
      }
    }
  } finally {
    await handle.close();
  }
}

/** SHA-256 of a file of any size. `onRead` hears how many bytes more were read. */
export async function hashWhole(
  file: string,
  { signal, onRead }: { signal?: AbortSignal | undefined; onRead?: (bytes: number) => void } = {},
): Promise<string> {
  const handle = await openNamedFile(file);
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
      onRead?.(bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** The weights of a base model, in the order of their names' bytes. */
export async function weightFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => extname(name) === ".safetensors").sort(byBytes);
}

/** The engine's own digest of a base model (model_digest in native/src/run/checkpoint.cpp): all of config.json, samples of the weights. */
export async function hashModel(folder: string): Promise<string> {
  const hash = createHash("sha256");
  hash.update(await readConfig(join(folder, "config.json")));
  for (const name of await weightFiles(folder)) await addWeights(hash, join(folder, name), name);
  return hash.digest("hex");
}

async function readConfig(file: string): Promise<Buffer> {
  const handle = await openNamedFile(file);
  try {
    if ((await handle.stat()).size > MAX_CONFIG_BYTES) throw new RunError(`${file} is too large for a config.json.`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function addWeights(hash: ReturnType<typeof createHash>, file: string, name: string): Promise<void> {
  const handle = await openNamedFile(file);
  try {
    const { size } = await handle.stat();
    hash.update(`${name}\n${size}\n`);
    const stride = Math.max(PIECE_BYTES, Math.floor(size / PIECES));
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (let at = 0; at < size; at += stride) {
      const { bytesRead } = await handle.read(piece, 0, Math.min(PIECE_BYTES, size - at), at);
      hash.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
