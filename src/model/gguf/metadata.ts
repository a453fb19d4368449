/** The typed values of GGUF's header; the numbers are those of gguf_type (ggml/include/gguf.h, version 3 of the format). */
export type GgufValue =
  | { type: "uint32"; value: number }
  | { type: "float32"; value: number }
  | { type: "bool"; value: boolean }
  | { type: "string"; value: string }
  | { type: "strings"; value: readonly string[] }
  | { type: "int32s"; value: readonly number[] };

const TYPE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;

/** Little-endian bytes that grow. */
export class GgufBytes {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  uint32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  uint64(value: number): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  string(value: string): this {
    const bytes = encoder.encode(value);
    this.uint64(bytes.length);
    this.raw(bytes);
    return this;
  }

  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  value(entry: GgufValue): this {
    switch (entry.type) {
      case "uint32":
        return this.uint32(TYPE.uint32).uint32(entry.value);
      case "float32":
        this.uint32(TYPE.float32);
        return this.#float32(entry.value);
      case "bool":
        return this.uint32(TYPE.bool).raw(Uint8Array.of(entry.value ? 1 : 0));
      case "string":
        return this.uint32(TYPE.string).string(entry.value);
      case "strings":
        this.uint32(TYPE.array).uint32(TYPE.string).uint64(entry.value.length);
        for (const text of entry.value) this.string(text);
        return this;
      case "int32s":
        this.uint32(TYPE.array).uint32(TYPE.int32).uint64(entry.value.length);
        for (const value of entry.value) this.uint32(value >>> 0);
        return this;
    }
  }

  #float32(value: number): this {
    const at = this.#grow(4);
    this.#view.setFloat32(at, value, true);
    return this;
  }

  /** Makes room and gives the place of the new bytes; `#view` is another one afterwards. */
  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

const encoder = new TextEncoder();
