/**
 * Reads the few kinds of FlatBuffers values that Arrow's metadata is made of
 * (https://flatbuffers.dev/internals/). Offsets are checked by the Buffer's own reads, which throw a RangeError.
 */
export class Table {
  private readonly fields: number;

  private constructor(
    private readonly bytes: Buffer,
    private readonly at: number,
  ) {
    this.fields = at - bytes.readInt32LE(at);
  }

  static root(bytes: Buffer): Table {
    return new Table(bytes, bytes.readUInt32LE(0));
  }

  byte(field: number): number {
    const at = this.place(field);
    return at === 0 ? 0 : this.bytes.readUInt8(at);
  }

  short(field: number, unset = 0): number {
    const at = this.place(field);
    return at === 0 ? unset : this.bytes.readInt16LE(at);
  }

  int(field: number): number {
    const at = this.place(field);
    return at === 0 ? 0 : this.bytes.readInt32LE(at);
  }

  long(field: number): bigint {
    const at = this.place(field);
    return at === 0 ? 0n : this.bytes.readBigInt64LE(at);
  }

  table(field: number): Table | null {
    const at = this.place(field);
    return at === 0 ? null : new Table(this.bytes, at + this.bytes.readUInt32LE(at));
  }

  text(field: number): string {
    const at = this.place(field);
    if (at === 0) return "";
    const start = at + this.bytes.readUInt32LE(at);
    const length = this.bytes.readUInt32LE(start);
    if (start + 4 + length > this.bytes.length) throw new RangeError("text");
    return this.bytes.toString("utf8", start + 4, start + 4 + length);
  }

  tables(field: number): Table[] {
    const { start, length } = this.vector(field, 4);
    return Array.from({ length }, (_, index) => {
      const at = start + index * 4;
      return new Table(this.bytes, at + this.bytes.readUInt32LE(at));
    });
  }

  /** A vector of structs of two 64-bit numbers. */
  pairs(field: number): [number, number][] {
    const { start, length } = this.vector(field, 16);
    return Array.from({ length }, (_, index) => {
      const at = start + index * 16;
      return [Number(this.bytes.readBigInt64LE(at)), Number(this.bytes.readBigInt64LE(at + 8))];
    });
  }

  private vector(field: number, elementBytes: number): { start: number; length: number } {
    const at = this.place(field);
    if (at === 0) return { start: 0, length: 0 };
    const vector = at + this.bytes.readUInt32LE(at);
    const length = this.bytes.readUInt32LE(vector);
    if (vector + 4 + length * elementBytes > this.bytes.length) throw new RangeError("vector");
    return { start: vector + 4, length };
  }

  /** 0: the field is not set. */
  private place(field: number): number {
    const slot = 4 + field * 2;
    if (slot >= this.bytes.readUInt16LE(this.fields)) return 0;
    const offset = this.bytes.readUInt16LE(this.fields + slot);
    return offset === 0 ? 0 : this.at + offset;
  }
}
