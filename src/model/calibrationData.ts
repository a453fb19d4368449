import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { ModelError, systemError } from "./error";

const HEADER_BYTES = 16;
const RECORD_BYTES = 32;
/** All but the bit that marks a target. */
const ID_MASK = 0x7fffffff;
/** With a third of them the held-out loss was 0.5 % higher (bench/completion.md). */
const CALIBRATION_TOKENS = 24_576;
/** Of one document at most: one alone must not be the whole sample. */
const LONGEST = 1024;

/**
 * Documents of the training split, spread over it, of about 24,576 tokens together; the layout is src/protocol/run.ts's.
 * Only what is taken is read: a training split may be far larger than memory.
 */
export async function calibrationSequences(dataDir: string, vocabularySize: number): Promise<number[][]> {
  const [documentsPath, tokensPath] = [join(dataDir, "train.documents"), join(dataDir, "train.tokens")];
  const documents = await openFile(documentsPath);
  try {
    const tokens = await openFile(tokensPath);
    try {
      const count = Math.floor(((await documents.stat()).size - HEADER_BYTES) / RECORD_BYTES);
      const total = ((await tokens.stat()).size - HEADER_BYTES) / 4;
      const step = Math.max(1, total / CALIBRATION_TOKENS);
      const sequences: number[][] = [];
      for (let at = 0; at < count; at += step) {
        const record = await read(documents, documentsPath, HEADER_BYTES + RECORD_BYTES * Math.floor(at), RECORD_BYTES);
        const start = Number(record.getBigUint64(0, true));
        const length = Math.min(record.getUint32(8, true), LONGEST);
        const words = await read(tokens, tokensPath, HEADER_BYTES + 4 * start, 4 * length);
        const ids = Array.from({ length }, (_, i) => words.getUint32(4 * i, true) & ID_MASK);
        if (ids.some((id) => id >= vocabularySize)) {
          throw new ModelError(
            `${tokensPath} holds a token beyond the vocabulary of ${vocabularySize}; prepare the data again.`,
          );
        }
        sequences.push(ids);
      }
      return sequences;
    } finally {
      await tokens.close();
    }
  } finally {
    await documents.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw systemError(path, "read", error);
  }
}

async function read(handle: FileHandle, path: string, position: number, length: number): Promise<DataView> {
  const buffer = new Uint8Array(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  if (bytesRead !== length)
    throw new ModelError(`${path} is truncated: it ends inside a record; prepare the data again.`);
  return new DataView(buffer.buffer);
}
