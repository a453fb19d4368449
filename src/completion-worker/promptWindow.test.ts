import { beforeAll, describe, expect, it } from "vitest";
import { loadTokenizer, type Tokenizer } from "../dataset/tokenizer";
import { TINY_PYTHON } from "../model/testModel";
import { fitEnd, fitStart, keepStart, windowStart } from "./promptWindow";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(TINY_PYTHON);
});

const FUNCTION = (i: number) =>
  `def load_section_${i}(path):\n    with open(path) as file:\n        data_${i} = json.load(file)\n\n    return data_${i}\n\n\n`;
const FILE = Array.from({ length: 200 }, (_, i) => FUNCTION(i)).join("");

describe("a window's beginning", () => {
  it("is a function's where there is one", () => {
    for (const most of [500, 1000, 2000]) {
      const start = windowStart(FILE, 0.7 * most, most);
      expect(FILE.slice(start)).toMatch(/^def load_section/);
      expect(FILE.length - start).toBeLessThanOrEqual(most);
      expect(FILE.length - start).toBeGreaterThanOrEqual(0.7 * most);
    }
  });

  it("stays at its line while the text grows, whatever is cut off before", () => {
    const startsOf = (drop: number) => {
      const starts = new Set<string>();
      for (let length = FILE.length - 700; length <= FILE.length; ++length) {
        const text = FILE.slice(drop + length / 2, length);
        starts.add(text.slice(windowStart(text, 1400, 2000)).slice(0, 20));
      }
      return starts;
    };
    expect(startsOf(0).size).toBeLessThanOrEqual(4);
    expect(startsOf(13)).toEqual(startsOf(0));
  });

  it("is all of a short text, and inside a line that is too long", () => {
    expect(windowStart("abc\ndef", 3, 10)).toBe(0);
    const long = "x".repeat(5000);
    expect(long.length - windowStart(long, 700, 1000)).toBeGreaterThanOrEqual(700);
    expect(windowStart(`${"😀".repeat(50)}`, 1, 1)).toBe(100);
  });
});

describe("fitting", () => {
  it("keeps the end within the budget, and most of the room filled", async () => {
    for (const budget of [16, 100, 900]) {
      const { text, ids } = await fitEnd(FILE, budget, tokenizer);
      expect(ids.length).toBeLessThanOrEqual(budget);
      expect(ids.length).toBeGreaterThan(0.5 * budget);
      expect(FILE.endsWith(text)).toBe(true);
      expect((await tokenizer.encode([text]))[0]).toEqual(ids);
    }
    expect((await fitEnd("a = 1\n", 100, tokenizer)).text).toBe("a = 1\n");
    expect(await fitEnd(FILE, 0, tokenizer)).toEqual({ text: "", ids: [], room: 0 });
    expect((await fitEnd("é😀".repeat(9000), 50, tokenizer)).ids.length).toBeLessThanOrEqual(50);
    expect((await fitEnd(" ".repeat(90_000), 50, tokenizer)).ids.length).toBeLessThanOrEqual(50);
  });

  it("keeps whole lines of the start, or at least whole characters", async () => {
    const { text, ids } = await fitStart(FILE, 100, tokenizer);
    expect(ids.length).toBeLessThanOrEqual(100);
    expect(FILE.startsWith(text)).toBe(true);
    expect(text).toMatch(/\n$/);
    expect(keepStart("ab\ncd\nef", 7)).toBe("ab\ncd\n");
    expect(keepStart("ab\ncd", 9)).toBe("ab\ncd");
    expect(keepStart("😀😀", 3)).toBe("😀");
    expect(keepStart("\nabcdef", 4)).toBe("\nabc");
  });
});
