import { describe, expect, it } from "vitest";
import { controlCharacter } from "./controlCharacter";

const check = (text: string) => controlCharacter({ path: ["output"], text, role: "answer" });

describe("control characters", () => {
  it.each([
    ["a\u0000b", 1, "U+0000 (null)"],
    ["é\u001b[31m", 1, "U+001B (escape)"],
    ["ab\u007f", 2, "U+007F (delete)"],
    ["ab\u0085", 2, "U+0085"],
  ])("finds the one in %j", (text, start, name) => {
    const [problem] = check(text);
    expect(problem).toMatchObject({ check: "control-character", path: ["output"], range: { start, end: start + 1 } });
    expect(problem!.message).toContain(name);
  });

  it("says where a form feed comes from", () => {
    expect(check("$\frac{1}{2}$")[0]!.message).toBe(
      '"output" holds the control character U+000C (form feed), which \\f in JSON stands for: remove it, or write \\\\f for a backslash.',
    );
  });

  it("leaves tabs, line ends and mojibake alone", () => {
    expect(check("a\tb\r\nc\nd é \u00a0")).toEqual([]);
    expect(check("isnâ\u0080\u0099t")).toEqual([]);
  });
});
