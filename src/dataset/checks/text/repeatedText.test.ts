import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { repeatedText } from "./repeatedText";

const check = (text: string, role: "answer" | "context" = "answer") =>
  repeatedText({ path: ["output"], text, role }).map(({ range }) => range);

const intro = "Here is what I think about the matter at hand, said in so many words. ".repeat(3);

describe("repeated text", () => {
  it("finds one line over and over", () => {
    const line = "print('hello world')\n";
    const text = `${intro}\n${line.repeat(10)}end`;
    expect(check(text)).toEqual([{ start: intro.length + 1, end: intro.length + 1 + line.length * 8 - 1 }]);
  });

  it("finds an end that is one phrase over and over, cut anywhere", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 10, max: 60 }), (cut, times) => {
        const text = `${intro}${"and on it goes, without any end; ".repeat(times)}${"and on it goes, without any end; ".slice(0, cut)}`;
        const [range] = check(text);
        expect(range!.end).toBe(text.trimEnd().length);
        expect(Math.abs(range!.start - intro.length)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it.each([
    ["an ordinary text", `${intro}It ends here.`],
    ["a rule", intro + "=".repeat(300)],
    ["rows of zeros", `${intro}\n${"0 0 0 0\n".repeat(40)}`],
    ["a long run of one letter", intro + "a".repeat(400)],
    ["seven lines", `${intro}\n${"the same line\n".repeat(7)}`],
    ["a short answer", "ho ".repeat(20)],
  ])("leaves %s alone", (_, text) => {
    expect(check(text)).toEqual([]);
  });

  it("looks at answers only", () => {
    expect(check("over and over ".repeat(100), "context")).toEqual([]);
  });
});
