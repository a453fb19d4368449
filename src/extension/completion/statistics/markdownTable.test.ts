import { expect, it } from "vitest";
import { escapeMarkdown, table } from "./markdownTable";

it("shows a name as it is, whatever it holds", () => {
  expect(escapeMarkdown("a|b\n# <img src=x> [x](y) `z`")).toBe("a\\|b \\# \\<img src\\=x\\> \\[x\\]\\(y\\) \\`z\\`");
});

it("makes a table of Markdown", () => {
  expect(table(["", "a"], [["x", "1"]])).toBe("|  | a |\n| --- | --- |\n| x | 1 |");
});
