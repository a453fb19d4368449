import { describe, expect, it } from "vitest";
import { invisibleCharacter } from "./invisibleCharacter";

const check = (text: string) => invisibleCharacter({ path: ["messages", 0, "content"], text, role: "answer" });

describe("invisible characters", () => {
  it.each([
    ["a\u200bb", 1],
    ["in\u00adter", 2],
    ["😀 a\u200db", 4],
    ["word\u2060", 4],
    ["left \u200fto right", 5],
    ["a\ufeffb", 1],
    ["\u3164", 0],
  ])("finds the one in %j", (text, start) => {
    expect(check(text)).toMatchObject([{ check: "invisible-character", range: { start, end: start + 1 } }]);
    expect(check(text)[0]!.message).toMatch(/^"messages\[0\]\.content" holds the invisible character U\+/);
  });

  it.each(["\u202a", "\u202e", "\u2066", "\u2069"])("finds the direction control %j", (control) => {
    expect(check(`if x:${control} # y`)).toMatchObject([{ range: { start: 5, end: 6 } }]);
    expect(check(control)[0]!.message).toContain("changes the direction");
  });

  it("names a byte order mark at the start", () => {
    expect(check("\ufeffa")[0]!.message).toBe(
      '"messages[0].content" begins with a byte order mark (U+FEFF): remove it.',
    );
  });

  it("finds letters of tags outside of flags", () => {
    expect(check("hi \u{e0041}")).toMatchObject([{ range: { start: 3, end: 5 } }]);
  });

  it.each([
    ["a family", "👨‍👩‍👧‍👦"],
    ["a heart with a selector", "❤️‍🔥"],
    ["a profession with a skin tone", "👩🏽‍🚀"],
    ["Scotland's flag", "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}"],
    ["Persian", "می\u200cخواهم"],
    ["Hindi", "क्\u200dष"],
    ["marks within Hebrew", "שלום\u200f!"],
    ["no-break spaces", "10\u00a0km\u202f!"],
  ])("leaves %s alone", (_, text) => {
    expect(check(text)).toEqual([]);
  });
});
