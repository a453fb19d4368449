import { readFileSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SampleKind } from "../protocol/run";
import { ModelError, systemError } from "./error";

const HEADER_BYTES = 16;
const RECORD_BYTES = 32;
const VERSION = 1;
const TARGET_BIT = 0x80000000;
const KINDS: readonly SampleKind[] = ["instruct", "prefix", "fim"];

export interface TokenDocument {
  ids: number[];
  /** Indices into `ids` of the tokens in the loss; never 0. */
  targets: number[];
  /** Index into the manifest's sources. */
  source: number;
  row: number;
  kind: SampleKind;
}

/**
 * The documents of one split as preparation wrote them (the layout is src/protocol/run.ts's). Held-out rows are few, so
 * that they are read at once.
 */
export function readDocuments(dataDir: string, split: "train" | "eval", vocabularySize: number): TokenDocument[] {
  const tokensPath = join(dataDir, `${split}.tokens`);
  const documentsPath = join(dataDir, `${split}.documents`);
  const tokens = body(tokensPath, "TSTOKENS", 4);
  const records = body(documentsPath, "TSDOCUMT", RECORD_BYTES);
  const recordSize = records.header.getUint32(12, true);
  if (recordSize !== RECORD_BYTES) {
    throw new ModelError(`${documentsPath} has records of ${recordSize} bytes; this version reads ${RECORD_BYTES}.`);
  }
  const documents: TokenDocument[] = [];
  let expectedStart = 0;
  for (let at = 0; at < records.data.byteLength; at += RECORD_BYTES) {
    const start = Number(records.data.getBigUint64(at, true));
    const length = records.data.getUint32(at + 8, true);
    const where = `${documentsPath}: document ${documents.length + 1}`;
    if (start !== expectedStart || length === 0) throw new ModelError(`${where} does not follow the one before it.`);
    if ((start + length) * 4 > tokens.data.byteLength) {
      throw new ModelError(`${where} ends behind the end of ${tokensPath}; prepare the data again.`);
    }
    const document: TokenDocument = {
      ids: [],
      targets: [],
      source: records.data.getUint16(at + 20, true),
      row: records.data.getUint32(at + 16, true),
      kind: KINDS[records.data.getUint16(at + 22, true)] ?? "instruct",
    };
    for (let i = 0; i < length; ++i) {
      const word = tokens.data.getUint32((start + i) * 4, true);
      const id = (word & ~TARGET_BIT) >>> 0;
      if (id >= vocabularySize) {
        throw new ModelError(`${tokensPath}: token ${start + i} is ${id}, but the vocabulary has ${vocabularySize}.`);
      }
      document.ids.push(id);
      if (word & TARGET_BIT) document.targets.push(i);
    }
    if (document.targets.length !== records.data.getUint32(at + 12, true) || document.targets[0] === 0) {
      throw new ModelError(`${where} has other targets than it says; prepare the data again.`);
    }
    documents.push(document);
    expectedStart = start + length;
  }
  if (expectedStart * 4 !== tokens.data.byteLength) {
    throw new ModelError(`${tokensPath} holds tokens that belong to no document; prepare the data again.`);
  }
  return documents;
}

/** Writes documents as preparation does, each a sequence of its own. */
export async function writeDocuments(
  dataDir: string,
  split: "train" | "eval",
  documents: readonly Pick<TokenDocument, "ids" | "targets">[],
): Promise<void> {
  const words = documents.flatMap(({ ids, targets }) => {
    const learned = new Set(targets);
    return ids.map((id, i) => (learned.has(i) ? (id | TARGET_BIT) >>> 0 : id));
  });
  const records = new DataView(new ArrayBuffer(RECORD_BYTES * documents.length));
  let start = 0;
  for (const [i, { ids, targets }] of documents.entries()) {
    const at = RECORD_BYTES * i;
    records.setBigUint64(at, BigInt(start), true);
    records.setUint32(at + 8, ids.length, true);
    records.setUint32(at + 12, targets.length, true);
    records.setUint32(at + 16, i + 1, true);
    records.setUint32(at + 24, i, true);
    start += ids.length;
  }
  const tokens = Buffer.from(Uint32Array.from(words).buffer);
  await writeFile(join(dataDir, `${split}.tokens`), Buffer.concat([headerOf("TSTOKENS", 0), tokens]));
  const bytes = Buffer.from(records.buffer);
  await writeFile(join(dataDir, `${split}.documents`), Buffer.concat([headerOf("TSDOCUMT", RECORD_BYTES), bytes]));
}

function headerOf(magic: string, last: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write(magic, "latin1");
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(last, 12);
  return bytes;
}

function body(path: string, magic: string, unit: number): { header: DataView; data: DataView } {
  let bytes: Buffer;
  try {
    const { size } = statSync(path);
    if (size > 2 ** 31)
      throw new ModelError(`${path} holds ${size} bytes: too many held-out tokens to be evaluated at once.`);
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw systemError(path, "read", error);
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || bytes.subarray(0, 8).toString("latin1") !== magic) {
    throw new ModelError(`${path} is not a file of prepared data (it should begin with ${magic}).`);
  }
  const version = header.getUint32(8, true);
  if (version !== VERSION) throw new ModelError(`${path} has version ${version}; this version reads ${VERSION}.`);
  if ((bytes.length - HEADER_BYTES) % unit !== 0) {
    throw new ModelError(`${path} is truncated: it ends inside a record; prepare the data again.`);
  }
  return { header, data: new DataView(bytes.buffer, bytes.byteOffset + HEADER_BYTES, bytes.length - HEADER_BYTES) };
}
