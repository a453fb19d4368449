import { existsSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, join } from "node:path";
import { ModelError, systemError } from "./error";
import { readJsonObject } from "./jsonFile";

export type TensorType = "BF16" | "F16" | "F32";

export interface TensorInfo {
  name: string;
  type: TensorType;
  shape: number[];
  /** Elements. */
  count: number;
  file: string;
  /** Of the first byte in the file. */
  offset: number;
}

const BYTES: Record<TensorType, number> = { BF16: 2, F16: 2, F32: 4 };
/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * The tensors of one .safetensors file or of a model folder (model.safetensors, or shards by its index).
 * Headers are validated whole on opening: nothing of a file is believed before it has been checked against its size.
 * Values are read on demand, so that memory is bounded by what the caller asks for.
 */
export class TensorFiles {
  private constructor(
    private readonly handles: Map<string, FileHandle>,
    private readonly tensors: Map<string, TensorInfo>,
    /** The file or folder, for messages. */
    readonly origin: string,
  ) {}

  static async openFile(path: string): Promise<TensorFiles> {
    return TensorFiles.openAll([path], path);
  }

  static async openModel(directory: string): Promise<TensorFiles> {
    const index = join(directory, "model.safetensors.index.json");
    if (!existsSync(index)) return TensorFiles.openFile(join(directory, "model.safetensors"));
    const map = readJsonObject(index).object("weight_map");
    const shardOf = new Map<string, string>();
    for (const [name, shard] of Object.entries(map.values)) {
      if (typeof shard !== "string") return map.fail(name, "a file name");
      if (shard !== basename(shard) || !shard.endsWith(".safetensors")) {
        return map.fail(name, "the name of a .safetensors file in the same folder");
      }
      shardOf.set(name, join(directory, shard));
    }
    if (shardOf.size === 0) throw new ModelError(`${index}: weight_map names no tensor.`);
    const files = await TensorFiles.openAll([...new Set(shardOf.values())].sort(), directory);
    for (const [name, shard] of shardOf) {
      if (files.tensors.get(name)?.file !== shard) {
        await files.close();
        throw new ModelError(`${index} says that ${name} lies in ${basename(shard)}, but that file does not hold it.`);
      }
    }
    return files;
  }

  private static async openAll(paths: string[], origin: string): Promise<TensorFiles> {
    const files = new TensorFiles(new Map(), new Map(), origin);
    try {
      for (const path of paths) await files.add(path);
    } catch (error) {
      await files.close();
      throw error;
    }
    return files;
  }

  private async add(path: string): Promise<void> {
    let handle: FileHandle;
    try {
      handle = await open(path, "r");
    } catch (error) {
      throw systemError(path, "read", error);
    }
    this.handles.set(path, handle);
    for (const info of await readHeader(handle, path)) {
      const other = this.tensors.get(info.name);
      if (other) throw new ModelError(`${path} and ${other.file} both hold the tensor ${info.name}.`);
      this.tensors.set(info.name, info);
    }
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  names(): string[] {
    return [...this.tensors.keys()];
  }

  /** Throws where the tensor is absent or, with `shape`, has another. */
  info(name: string, shape?: readonly number[]): TensorInfo {
    const info = this.tensors.get(name);
    if (!info) throw new ModelError(`${this.origin} does not hold the tensor ${name}.`);
    if (shape && (shape.length !== info.shape.length || shape.some((size, i) => size !== info.shape[i]))) {
      throw new ModelError(
        `${info.file}: ${name} has the shape [${info.shape.join(", ")}], but [${shape.join(", ")}] was expected.`,
      );
    }
    return info;
  }

  /** `count` values from element `start` on, widened to float32. */
  async read(name: string, start = 0, count = this.info(name).count - start): Promise<Float32Array> {
    const info = this.info(name);
    const bytes = await readFully(
      this.handles.get(info.file)!,
      info.file,
      info.offset + start * BYTES[info.type],
      count * BYTES[info.type],
    );
    return widen(bytes, info.type);
  }

  async close(): Promise<void> {
    const handles = [...this.handles.values()];
    this.handles.clear();
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

async function readHeader(handle: FileHandle, path: string): Promise<TensorInfo[]> {
  const { size } = await handle.stat();
  if (size < 8)
    throw new ModelError(`${path} is truncated: a .safetensors file has at least 8 bytes, this one ${size}.`);
  const prefix = await readFully(handle, path, 0, 8);
  const headerBytes = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (headerBytes > BigInt(MAX_HEADER_BYTES)) {
    throw new ModelError(`${path} is not a .safetensors file: its header would have ${headerBytes} bytes.`);
  }
  const dataStart = 8 + Number(headerBytes);
  if (dataStart > size) {
    throw new ModelError(`${path} is truncated: its header ends at byte ${dataStart}, the file at byte ${size}.`);
  }
  let header: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      await readFully(handle, path, 8, Number(headerBytes)),
    );
    header = JSON.parse(text);
  } catch (error) {
    throw new ModelError(`${path}: the header is not valid JSON (${(error as Error).message}).`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new ModelError(`${path}: the header must be a JSON object.`);
  }
  const tensors = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => checkEntry(path, name, entry, dataStart, size));
  refuseOverlaps(path, tensors);
  return tensors;
}

function checkEntry(path: string, name: string, entry: unknown, dataStart: number, fileSize: number): TensorInfo {
  const where = `${path}: the tensor ${JSON.stringify(name.slice(0, 120))}`;
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(BYTES, dtype)) {
    throw new ModelError(`${where} has the type ${JSON.stringify(dtype)}; BF16, F16 and F32 are supported.`);
  }
  const type = dtype as TensorType;
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw new ModelError(`${where} has no valid shape.`);
  }
  let count = 1;
  for (const dimension of shape as number[]) count *= dimension;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw new ModelError(`${where} has no valid data_offsets.`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || dataStart + end > fileSize) {
    throw new ModelError(
      `${where} ends at byte ${dataStart + end}, but the file at byte ${fileSize}; the file is truncated or damaged.`,
    );
  }
  if (count * BYTES[type] !== end - begin) {
    throw new ModelError(`${where} needs ${count * BYTES[type]} bytes for its shape, but has ${end - begin}.`);
  }
  return { name, type, shape: shape as number[], count, file: path, offset: dataStart + begin };
}

function refuseOverlaps(path: string, tensors: TensorInfo[]): void {
  const end = (info: TensorInfo) => info.offset + info.count * BYTES[info.type];
  const sorted = tensors.filter((info) => info.count > 0).sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < sorted.length; ++i) {
    if (sorted[i]!.offset < end(sorted[i - 1]!)) {
      throw new ModelError(`${path}: the tensors ${sorted[i - 1]!.name} and ${sorted[i]!.name} overlap.`);
    }
  }
}

/** Always an own, aligned buffer, so that it can be seen as other types. */
async function readFully(handle: FileHandle, path: string, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    let bytesRead: number;
    try {
      // One read call takes at most 2 GiB.
      ({ bytesRead } = await handle.read(bytes, done, Math.min(length - done, 1 << 28), position + done));
    } catch (error) {
      throw systemError(path, "read", error);
    }
    if (bytesRead === 0) throw new ModelError(`${path} became shorter while it was being read.`);
    done += bytesRead;
  }
  return bytes;
}

/** Widens little-endian values to float32. */
export function widen(bytes: Uint8Array, type: TensorType): Float32Array {
  if (type === "F32") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const values = new Float32Array(source.length);
  if (type === "BF16") {
    // bfloat16 is the upper half of a float32.
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < source.length; ++i) bits[i] = source[i]! << 16;
    return values;
  }
  const table = halfTable();
  for (let i = 0; i < source.length; ++i) values[i] = table[source[i]!]!;
  return values;
}

let halves: Float32Array | undefined;
/** All 65,536 float16 values: cheaper than branching on exponent and mantissa for each element. */
function halfTable(): Float32Array {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; ++bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const mantissa = bits & 1023;
    if (exponent === 0) halves[bits] = sign * mantissa * 2 ** -24;
    else if (exponent === 31) halves[bits] = mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else halves[bits] = sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
  }
  return halves;
}
