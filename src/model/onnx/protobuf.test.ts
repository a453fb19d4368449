import { describe, expect, it } from "vitest";
import { ElementType, encodeModel } from "./messages";
import { ProtobufWriter } from "./protobuf";

const hex = (writer: ProtobufWriter) => Buffer.from(writer.finish()).toString("hex");

describe("the protobuf writer", () => {
  it("writes the examples of protobuf's own documentation", () => {
    expect(hex(new ProtobufWriter().int(1, 150))).toBe("089601");
    expect(hex(new ProtobufWriter().string(2, "testing"))).toBe("120774657374696e67");
    expect(hex(new ProtobufWriter().message(3, new ProtobufWriter().int(1, 150)))).toBe("1a03089601");
    expect(hex(new ProtobufWriter().int(1, -2))).toBe("08feffffffffffffffff01");
  });

  it("writes fields above 15, zeros, floats and 64-bit integers", () => {
    expect(hex(new ProtobufWriter().int(20, 0))).toBe("a00100");
    expect(hex(new ProtobufWriter().float(2, 1))).toBe("150000803f");
    expect(hex(new ProtobufWriter().int(1, 2n ** 63n - 1n))).toBe("08ffffffffffffffff7f");
    expect(hex(new ProtobufWriter().string(1, ""))).toBe("0a00");
  });

  it("grows", () => {
    const large = new ProtobufWriter().bytes(1, new Uint8Array(5000).fill(7)).int(2, 1).finish();
    expect(large.length).toBe(1 + 2 + 5000 + 2);
    expect([...large.subarray(-3)]).toEqual([7, 16, 1]);
  });
});

describe("ONNX messages", () => {
  it("writes a model that holds what onnx.proto3 asks for", () => {
    const bytes = encodeModel({
      graph: {
        name: "g",
        nodes: [
          { op: "Mul", domain: "", name: "n", inputs: ["x", "w"], outputs: ["y"], attributes: { a: { int: 3 } } },
        ],
        inputs: [{ name: "x", type: ElementType.float32, shape: ["s", 2] }],
        outputs: [],
        external: [{ name: "w", type: ElementType.float32, shape: [2], offset: 4096, bytes: 8 }],
        inline: [],
      },
      irVersion: 10,
      opsets: [{ domain: "", version: 21 }],
      producer: "p",
      metadata: {},
      dataFile: "d",
    });
    const text = Buffer.from(bytes).toString("latin1");
    const node = "\x0a\x01x\x0a\x01w\x12\x01y\x1a\x01n\x22\x03Mul\x2a\x08\x0a\x01a\x18\x03\xa0\x01\x02";
    const entry = (key: string, value: string) =>
      `\x6a${String.fromCharCode(key.length + value.length + 4)}\x0a${String.fromCharCode(key.length)}${key}\x12${String.fromCharCode(value.length)}${value}`;
    const tensor = `\x08\x02\x10\x01\x42\x01w${entry("location", "d")}${entry("offset", "4096")}${entry("length", "8")}\x70\x01`;
    const input = "\x0a\x01x\x12\x0f\x0a\x0d\x08\x01\x12\x09\x0a\x03\x12\x01s\x0a\x02\x08\x02";
    for (const part of [node, tensor]) expect(text).toContain(part);
    expect(text).toContain(input);
    expect(text.startsWith("\x08\x0a\x12\x01p\x3a")).toBe(true);
    expect(text.endsWith("\x42\x04\x0a\x00\x10\x15")).toBe(true);
  });
});
