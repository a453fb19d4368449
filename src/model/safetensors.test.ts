import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TensorFiles, widen } from "./safetensors";
import { safetensorsBytes, TINY_PYTHON, temporaryFolder } from "./testModel";

function file(bytes: Uint8Array): string {
  const path = join(temporaryFolder("tensors"), "model.safetensors");
  writeFileSync(path, bytes);
  return path;
}

function withHeader(header: unknown, data = 64): Buffer {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(data)]);
}

const GOOD = { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] };

describe("safetensors", () => {
  it("reads ranges of values", async () => {
    const values = Float32Array.from([1, 2, 3, 4, 5, 6]);
    const files = await TensorFiles.openFile(file(safetensorsBytes({ a: { shape: [2, 3], values } })));
    expect(await files.read("a")).toEqual(values);
    expect([...(await files.read("a", 2, 3))]).toEqual([3, 4, 5]);
    expect(() => files.info("a", [3, 2])).toThrow(/has the shape \[2, 3\], but \[3, 2\] was expected/);
    expect(() => files.info("b")).toThrow(/does not hold the tensor b/);
    await files.close();
  });

  it("widens bfloat16 and float16", () => {
    const bytes = (...words: number[]) => new Uint8Array(Uint16Array.from(words).buffer);
    expect([...widen(bytes(0x3f80, 0xc000, 0x0001), "BF16")]).toEqual([1, -2, 2 ** -133]);
    const halves = [...widen(bytes(0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x7c00, 0x7e00), "F16")];
    expect(halves).toEqual([1, -2, 2 ** -24, 1023 * 2 ** -24, 65504, Number.POSITIVE_INFINITY, Number.NaN]);
  });

  it("reads a sharded model", async () => {
    const files = await TensorFiles.openModel(TINY_PYTHON);
    expect(files.info("model.embed_tokens.weight", [8192, 384]).type).toBe("BF16");
    expect(files.info("model.norm.weight", [384]).file).toMatch(/model-0000\d-of-00003/);
    await files.close();
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["an empty file", Buffer.alloc(0), /truncated: .* at least 8 bytes, this one 0/],
    ["a huge header length", Buffer.alloc(64, 0xff), /not a \.safetensors file/],
    ["a header behind the end", withHeader("{}").subarray(0, 9), /truncated: its header ends at byte 10/],
    ["a header that is no JSON", withHeader("{"), /header is not valid JSON/],
    [
      "a header that is no UTF-8",
      Buffer.concat([withHeader("{}").subarray(0, 8), Buffer.from([0xff, 0xfe])]),
      /not valid JSON/,
    ],
    ["a list for a header", withHeader("[]"), /must be a JSON object/],
    ["an entry that is null", withHeader({ a: null }), /has the type undefined/],
    ["an unknown type", withHeader({ a: { ...GOOD, dtype: "I64" } }), /has the type "I64"/],
    ["a type from the prototype", withHeader({ a: { ...GOOD, dtype: "constructor" } }), /has the type "constructor"/],
    ["no shape", withHeader({ a: { ...GOOD, shape: undefined } }), /no valid shape/],
    ["a negative size", withHeader({ a: { ...GOOD, shape: [-2, -2] } }), /no valid shape/],
    [
      "a shape that overflows",
      withHeader({ a: { ...GOOD, shape: [2 ** 40, 2 ** 40] } }),
      /needs .* bytes for its shape/,
    ],
    [
      "a shape of another size",
      withHeader({ a: { ...GOOD, shape: [2, 3] } }),
      /needs 24 bytes for its shape, but has 16/,
    ],
    ["offsets that are swapped", withHeader({ a: { ...GOOD, data_offsets: [16, 0] } }), /truncated or damaged/],
    ["offsets that are fractions", withHeader({ a: { ...GOOD, data_offsets: [0.5, 16.5] } }), /no valid data_offsets/],
    ["data that is cut off", withHeader({ a: GOOD }, 8), /truncated or damaged/],
    ["tensors that overlap", withHeader({ a: GOOD, b: { ...GOOD, data_offsets: [8, 24] } }), /a and b overlap/],
  ])("refuses %s, naming the file", async (_, bytes, message) => {
    const path = file(bytes);
    await expect(TensorFiles.openFile(path)).rejects.toThrow(message);
    await expect(TensorFiles.openFile(path)).rejects.toThrow(path);
  });

  it.each<[string, unknown, RegExp]>([
    ["a path that leaves the folder", { a: "../model.safetensors" }, /must be the name of a \.safetensors file/],
    ["an absolute path", { a: "/etc/passwd" }, /must be the name of a \.safetensors file/],
    [
      "a shard that is missing",
      { a: "gone.safetensors" },
      /gone\.safetensors could not be read: there is no such file or folder/,
    ],
    ["a tensor that its shard lacks", { b: "model.safetensors" }, /says that b lies in model\.safetensors/],
    ["a number for a name", { a: 7 }, /weight_map\.a must be a file name/],
    ["no tensors", {}, /names no tensor/],
  ])("refuses an index with %s", async (_, weightMap, message) => {
    const path = file(withHeader({ a: GOOD }));
    const folder = join(path, "..");
    writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
    await expect(TensorFiles.openModel(folder)).rejects.toThrow(message);
  });
});
