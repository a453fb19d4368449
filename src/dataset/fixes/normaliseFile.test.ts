import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Normaliser, normaliseFile } from "./normaliseFile";

describe("a file", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tunesmith-normalise-"));
    path = join(folder, "data.jsonl");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("loses its byte order mark and every CR, and nothing else", async () => {
    writeFileSync(path, Buffer.from('\xef\xbb\xbf{"a": "\xff"}\r\n\r{"b": "\\r\\n"}\n\r\n', "latin1"), { mode: 0o600 });
    expect(await normaliseFile(path)).toEqual({ byteOrderMark: true, lineEnds: 3 });
    expect(readFileSync(path, "latin1")).toBe('{"a": "\xff"}\n\n{"b": "\\r\\n"}\n\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["data.jsonl"]);
  });

  it("is not touched where there is nothing to do", async () => {
    writeFileSync(path, "{}\n");
    const before = statSync(path);
    expect(await normaliseFile(path)).toEqual({ byteOrderMark: false, lineEnds: 0 });
    expect(statSync(path).ino).toBe(before.ino);
  });

  it("is left as it was where the work is given up", async () => {
    writeFileSync(path, "{}\r\n");
    await expect(normaliseFile(path, AbortSignal.abort())).rejects.toThrow();
    expect(readFileSync(path, "utf8")).toBe("{}\r\n");
    expect(readdirSync(folder)).toEqual(["data.jsonl"]);
  });
});

it("does not depend on how a file is cut into chunks", () => {
  const byte = fc.constantFrom(0x0d, 0x0a, 0xef, 0xbb, 0xbf, 0x61);
  fc.assert(
    fc.property(fc.array(fc.array(byte, { maxLength: 5 }), { maxLength: 8 }), (chunks) => {
      const bytes = Buffer.from(chunks.flat());
      const normaliser = new Normaliser();
      const pieces = chunks.flatMap((chunk) => normaliser.push(Buffer.from(chunk)));
      const expected = bytes
        .toString("latin1")
        .replace(/^\xef\xbb\xbf/, "")
        .replace(/\r\n?/g, "\n");
      expect(Buffer.concat([...pieces, ...normaliser.end()]).toString("latin1")).toBe(expected);
    }),
  );
});
