import { describe, expect, it } from "vitest";
import { findFences } from "./fences";
import { unbalancedFence } from "./unbalancedFence";

const open = (text: string) =>
  unbalancedFence({ path: ["output"], text, role: "answer" }).map(({ range }) => text.slice(range!.start, range!.end));

describe("fences", () => {
  it.each([
    ["a\n```python\nx = 1\n", "```python"],
    ["```\na\n```\n```js\nb", "```js"],
    ["````\n```\n", "````"],
    ["~~~\n```\n", "~~~"],
    ["```\n~~~", "```"],
    ["```\na\n``` b", "```"],
    ["1. x\n   ```py\n   y", "```py"],
    ["```python\r\nx\r\n", "```python"],
  ])("finds the open fence of %j", (text, fence) => {
    expect(open(text)).toEqual([fence]);
  });

  it.each([
    "```python\nx\n```",
    "```\r\nx\r\n```\r\n",
    "````md\n```py\n```\n````",
    "~~~\n```\n~~~",
    "> ```\n> x\n> ```",
    "- ```sh\n  ls\n  ```",
    "inline ```code``` only",
    "```a```",
    "no fence at all",
  ])("finds none in %j", (text) => {
    expect(open(text)).toEqual([]);
  });

  it("gives language and code", () => {
    const text = "a\n``` Python title=x\nx = 1\n```\nb";
    const [fence] = findFences(text);
    expect(fence).toMatchObject({ language: "python", closed: true });
    expect(text.slice(fence!.contentStart, fence!.contentEnd)).toBe("x = 1\n");
  });

  it("reads a megabyte of backticks", () => {
    expect(open("`".repeat(1_000_000))).toEqual([]);
    expect(open("```x\n".repeat(200_000))).toEqual(["```x"]);
  });
});
