import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { generatedFiles } from "../../scripts/generate/generate";

const root = join(__dirname, "../..");
const files = generatedFiles(root);

it.each([...files.keys()])("%s is what npm run generate writes", (path) => {
  expect(readFileSync(join(root, path), "utf8")).toBe(files.get(path));
});

it("every check has a page, and no page is left over", () => {
  const pages = readdirSync(join(root, "docs", "checks")).map((name) => join("docs", "checks", name));
  expect(pages.sort()).toEqual([...files.keys()].filter((path) => path.startsWith("docs")).sort());
});
