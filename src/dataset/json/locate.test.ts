import { describe, expect, it } from "vitest";
import { headAt, type JsonPath, nodeAt, parseJson, rangeAt, type TextRange } from ".";

const text = '{"messages": [{"role": "user"}, {"content": "é😀", "n": [1, {}]}], "a": 1, "a": "last"}';
const parsed = parseJson(text);
if (!parsed.ok) throw new Error(parsed.error.message);
const tree = parsed;
const part = ({ offset, length }: TextRange) => text.slice(offset, offset + length);

describe("a path", () => {
  it.each<[JsonPath, string]>([
    [["messages", 1, "content"], '"é😀"'],
    [["messages", 0], '{"role": "user"}'],
    [["messages", 1, "n", 0], "1"],
    [["a"], '"last"'],
    [[], text],
  ])("%j leads to the value's range", (path, expected) => {
    expect(part(rangeAt(tree, path))).toBe(expected);
    expect(nodeAt(tree, path)).not.toBeNull();
  });

  it.each<[JsonPath, string]>([
    [["missing"], '{"messages"'],
    [["messages", 7], "["],
    [["messages", 0, "content"], '{"role"'],
    [["messages", 1, "n", 1, "x"], "{}"],
    [["a", "b"], '"last"'],
  ])("%j that leads nowhere marks what should hold the value", (path, expected) => {
    expect(nodeAt(tree, path)).toBeNull();
    expect(part(rangeAt(tree, path))).toBe(expected);
  });

  it("to a container gives its head when asked for", () => {
    expect(part(headAt(tree, ["messages", 1]))).toBe('{"content"');
    expect(part(headAt(tree, ["messages"]))).toBe("[");
    expect(part(headAt(tree, []))).toBe('{"messages"');
  });
});
