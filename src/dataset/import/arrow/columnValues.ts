import { decodeTextCounting, isoDate, isoTime } from "../jsonValue";
import type { Replacements } from "../rowSource";
import type { BatchColumn, RecordBatch } from "./recordBatch";
import type { ArrowType } from "./schema";

/** Values of a dictionary by its id. */
export type Dictionaries = ReadonlyMap<bigint, readonly unknown[]>;

export interface Decoding {
  batch: RecordBatch;
  dictionaries: Dictionaries;
  replaced: Replacements;
}

/** A column's values from row `start` to `end`: reads the bytes of these rows alone. Throws a RangeError where it has fewer. */
export async function columnValues(
  decoding: Decoding,
  column: BatchColumn,
  start: number,
  end: number,
): Promise<unknown[]> {
  if (start === end) return [];
  if (!(start >= 0 && end <= column.length)) throw new RangeError("column");
  if (column.field.type.kind === "null" && column.field.dictionary === null) return new Array(end - start).fill(null);
  const values = await presentValues(decoding, column, start, end);
  const { batch } = decoding;
  if (!column.hasNulls || batch.isEmpty(column.validity)) return values;
  const isValid = await readBits(batch, column.validity, start, end);
  return values.map((value, index) => (isValid(index) ? value : null));
}

/** What stands at a row without a value means nothing. */
async function presentValues(decoding: Decoding, column: BatchColumn, start: number, end: number): Promise<unknown[]> {
  const { field } = column;
  if (field.dictionary !== null) return dictionaryValues(decoding, column, start, end);
  switch (field.type.kind) {
    case "text":
    case "binary":
      return byteValues(decoding, column, start, end);
    case "list":
      return listValues(decoding, column, field.type.size, start, end);
    case "map":
      return (await listValues(decoding, column, null, start, end)).map(objectOfEntries);
    case "struct":
      return structValues(decoding, column, start, end);
    case "bool": {
      const bit = await readBits(decoding.batch, column.data, start, end);
      return Array.from({ length: end - start }, (_, index) => bit(index));
    }
    default:
      return plainValues(decoding.batch, column, field.type, start, end);
  }
}

async function dictionaryValues(
  { batch, dictionaries }: Decoding,
  column: BatchColumn,
  start: number,
  end: number,
): Promise<unknown[]> {
  const { id, index } = column.field.dictionary!;
  const dictionary = dictionaries.get(id);
  if (dictionary === undefined) throw new RangeError("dictionary");
  const indices = await plainValues(batch, column, index, start, end);
  return indices.map((position) => dictionary[Number(position)] ?? null);
}

async function byteValues(
  { batch, replaced }: Decoding,
  column: BatchColumn,
  start: number,
  end: number,
): Promise<unknown[]> {
  const offsets = await readOffsets(batch, column, start, end);
  const bytes = await batch.bytes(column.data, offsets[0]!, offsets.at(-1)!);
  const isText = column.field.type.kind === "text";
  return Array.from({ length: end - start }, (_, index) => {
    const value = bytes.subarray(offsets[index]! - offsets[0]!, offsets[index + 1]! - offsets[0]!);
    return isText ? decodeTextCounting(value, replaced) : value;
  });
}

async function listValues(
  decoding: Decoding,
  column: BatchColumn,
  size: number | null,
  start: number,
  end: number,
): Promise<unknown[][]> {
  const offsets =
    size === null
      ? await readOffsets(decoding.batch, column, start, end)
      : Array.from({ length: end - start + 1 }, (_, index) => (start + index) * size);
  const [child] = column.children;
  if (child === undefined) throw new RangeError("list");
  const items = await columnValues(decoding, child, offsets[0]!, offsets.at(-1)!);
  return Array.from({ length: end - start }, (_, index) =>
    items.slice(offsets[index]! - offsets[0]!, offsets[index + 1]! - offsets[0]!),
  );
}

async function structValues(decoding: Decoding, column: BatchColumn, start: number, end: number): Promise<unknown[]> {
  const members: (readonly [string, unknown[]])[] = [];
  for (const child of column.children) {
    members.push([child.field.name, await columnValues(decoding, child, start, end)]);
  }
  return Array.from({ length: end - start }, (_, row) =>
    Object.fromEntries(members.map(([name, values]) => [name, values[row]])),
  );
}

/** A map is a list of structs of a key and a value. */
function objectOfEntries(entries: unknown[]): unknown {
  return Object.fromEntries(
    entries.map((entry) => {
      const [key, value] = Object.values(entry as Record<string, unknown>);
      return [String(key), value];
    }),
  );
}

async function plainValues(
  batch: RecordBatch,
  column: BatchColumn,
  type: ArrowType,
  start: number,
  end: number,
): Promise<unknown[]> {
  const width = widthOf(type);
  const bytes = await batch.bytes(column.data, start * width, end * width);
  const read = readerOf(type);
  return Array.from({ length: end - start }, (_, index) => read(bytes, index * width));
}

function widthOf(type: ArrowType): number {
  switch (type.kind) {
    case "int":
    case "float":
      return type.bits / 8;
    case "date":
      return type.unit === "day" ? 4 : 8;
    default:
      return 8;
  }
}

function readerOf(type: ArrowType): (bytes: Buffer, at: number) => unknown {
  switch (type.kind) {
    case "int":
      return intReader(type.bits, type.signed);
    case "float":
      if (type.bits === 16) return (bytes, at) => halfFloat(bytes.readUInt16LE(at));
      return type.bits === 32 ? (bytes, at) => bytes.readFloatLE(at) : (bytes, at) => bytes.readDoubleLE(at);
    case "date":
      return type.unit === "day"
        ? (bytes, at) => isoDate(bytes.readInt32LE(at))
        : (bytes, at) => isoDate(Number(bytes.readBigInt64LE(at)) / 86_400_000);
    case "timestamp":
      return (bytes, at) => isoTime(bytes.readBigInt64LE(at), type.unitsPerSecond);
    default:
      throw new RangeError(type.kind);
  }
}

function intReader(bits: 8 | 16 | 32 | 64, signed: boolean): (bytes: Buffer, at: number) => number | bigint {
  switch (bits) {
    case 8:
      return signed ? (bytes, at) => bytes.readInt8(at) : (bytes, at) => bytes.readUInt8(at);
    case 16:
      return signed ? (bytes, at) => bytes.readInt16LE(at) : (bytes, at) => bytes.readUInt16LE(at);
    case 32:
      return signed ? (bytes, at) => bytes.readInt32LE(at) : (bytes, at) => bytes.readUInt32LE(at);
    case 64:
      return signed ? (bytes, at) => bytes.readBigInt64LE(at) : (bytes, at) => bytes.readBigUInt64LE(at);
  }
}

function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

/** end - start + 1 offsets, which never fall. */
async function readOffsets(batch: RecordBatch, column: BatchColumn, start: number, end: number): Promise<number[]> {
  const width = column.field.offsetBytes;
  const bytes = await batch.bytes(column.offsets, start * width, (end + 1) * width);
  const offsets = Array.from({ length: end - start + 1 }, (_, index) =>
    width === 8 ? Number(bytes.readBigInt64LE(index * 8)) : bytes.readInt32LE(index * 4),
  );
  if (offsets.some((offset, index) => offset < (offsets[index - 1] ?? 0))) throw new RangeError("offsets");
  return offsets;
}

async function readBits(
  batch: RecordBatch,
  buffer: number | undefined,
  start: number,
  end: number,
): Promise<(index: number) => boolean> {
  const firstByte = start >> 3;
  const bytes = await batch.bytes(buffer, firstByte, (end + 7) >> 3);
  return (index) => {
    const bit = start + index - firstByte * 8;
    return ((bytes[bit >> 3]! >> (bit & 7)) & 1) === 1;
  };
}
