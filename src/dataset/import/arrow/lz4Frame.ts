/** Decompresses an LZ4 frame (lz4_Frame_format.md of lz4), as Arrow's buffers use it. Checksums are not compared. */

const MAGIC = 0x184d2204;
const UNCOMPRESSED = 0x80000000;
const SMALLEST_MATCH = 4;

/** Throws a RangeError where the frame does not hold exactly `length` bytes. */
export function decompressLz4Frame(frame: Buffer, length: number): Buffer {
  if (frame.readUInt32LE(0) !== MAGIC) throw new RangeError("LZ4 magic number");
  const flags = frame.readUInt8(4);
  const hasBlockChecksum = (flags & 0x10) !== 0;
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
  const output = Buffer.alloc(length);
  let filled = 0;
  for (;;) {
    const size = frame.readUInt32LE(at);
    at += 4;
    if (size === 0) break;
    const bytes = size & ~UNCOMPRESSED;
    const block = frame.subarray(at, at + bytes);
    if (block.length !== bytes) throw new RangeError("LZ4 block");
    filled = (size & UNCOMPRESSED) !== 0 ? copy(block, output, filled) : decompressBlock(block, output, filled);
    at += bytes + (hasBlockChecksum ? 4 : 0);
  }
  if (filled !== length) throw new RangeError("LZ4 length");
  return output;
}

function copy(block: Buffer, output: Buffer, at: number): number {
  if (at + block.length > output.length) throw new RangeError("LZ4 length");
  block.copy(output, at);
  return at + block.length;
}

/** Blocks may refer to what earlier ones left in `output`. */
function decompressBlock(block: Buffer, output: Buffer, start: number): number {
  let from = 0;
  let to = start;
  const extended = (base: number) => {
    let length = base;
    if (base !== 15) return length;
    for (;;) {
      const more = block.readUInt8(from++);
      length += more;
      if (more !== 255) return length;
    }
  };
  while (from < block.length) {
    const token = block.readUInt8(from++);
    const literals = extended(token >> 4);
    if (from + literals > block.length) throw new RangeError("LZ4 literals");
    to = copy(block.subarray(from, from + literals), output, to);
    from += literals;
    // The last sequence has literals alone.
    if (from >= block.length) break;
    const offset = block.readUInt16LE(from);
    from += 2;
    const length = extended(token & 15) + SMALLEST_MATCH;
    if (offset === 0 || offset > to || to + length > output.length) throw new RangeError("LZ4 match");
    for (let index = 0; index < length; index++, to++) output[to] = output[to - offset]!;
  }
  return to;
}
