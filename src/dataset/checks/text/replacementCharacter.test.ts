import { expect, it } from "vitest";
import { replacementCharacter } from "./replacementCharacter";

const check = (text: string) => replacementCharacter({ path: ["output"], text, role: "context" });

it("finds U+FFFD", () => {
  expect(check("😀 God\ufffds")).toMatchObject([{ check: "replacement-character", range: { start: 6, end: 7 } }]);
  expect(check("God’s")).toEqual([]);
});
