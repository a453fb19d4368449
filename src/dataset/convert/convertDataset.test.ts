import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ConvertOptions, convertDataset, type LeftOutRow } from "./convertDataset";

async function converted(content: string, to: string, options: Partial<ConvertOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "tunesmith-test-"));
  const path = join(folder, "a.jsonl");
  const output = join(folder, "b.jsonl");
  writeFileSync(path, content);
  const leftOut: LeftOutRow[] = [];
  const result = await convertDataset(path, output, {
    from: { format: "auto" },
    to,
    force: false,
    onLeftOut: (row) => leftOut.push(row),
    ...options,
  }).catch((error: Error) => {
    expect(existsSync(output)).toBe(false);
    throw error;
  });
  return { result, text: readFileSync(output, "utf8"), leftOut };
}

const lines = (...rows: unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const alpaca = { instruction: "q", output: "a" };
const turns = (count: number) =>
  Array.from({ length: count }, () => [
    { role: "user", content: "q" },
    { role: "assistant", content: "a" },
  ]).flat();

describe("convertDataset", () => {
  it("converts each row and counts what is lost", async () => {
    const { result, text } = await converted(
      lines({ ...alpaca, input: "x" }, alpaca, { ...alpaca, input: "y" }),
      "chat",
    );
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).messages[0].content),
    ).toEqual(["q\n\nx", "q", "q\n\ny"]);
    expect(result).toMatchObject({
      from: "alpaca",
      to: "chat",
      rows: 3,
      leftOut: 0,
      lost: { "what is the instruction and what its input": 2 },
    });
  });

  it("leaves out and names the rows that cannot be converted or read", async () => {
    const content = `${lines({ messages: turns(1) }, { messages: turns(2) })}\n{"messages": \n${lines({ messages: turns(1) })}`;
    const { result, leftOut } = await converted(content, "alpaca");
    expect(result).toMatchObject({ rows: 2, leftOut: 2 });
    expect(leftOut.map(({ line, check }) => [line, check]).sort()).toEqual([
      [2, "not-converted"],
      [4, "json-syntax"],
    ]);
  });

  it("reads a row that is written in another way than the file as what it is", async () => {
    const { text } = await converted(lines(alpaca, alpaca, { messages: turns(1) }), "prompt-completion");
    expect(text).toBe(lines(...Array(3).fill({ prompt: "q", completion: "a" })));
  });

  it("says that it loses digits, not those inside of texts", async () => {
    const content =
      '{"prompt": "12345678901234567890", "completion": "\\"", "id": 12345678901234567890}\n{"prompt": "12345678901234567890", "completion": "\\"", "id": 1}\n';
    expect((await converted(content, "alpaca")).result.lost).toEqual({ "digits of large numbers": 1 });
  });

  it.each([
    [lines({ text: "x" }), "alpaca", "none of its 1 rows can be written as alpaca."],
    [lines({ level: "info" }), "alpaca", "its rows fit no known format: name it with --from."],
    [lines(alpaca), "preference", 'There is no format "preference" to convert to'],
    ["", "chat", "its rows fit no known format"],
  ])("refuses %j to %s", async (content, to, message) => {
    await expect(converted(content, to)).rejects.toThrow(message);
  });

  it("stops when it is cancelled", async () => {
    await expect(converted(lines(alpaca), "chat", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});
