import { beforeEach, describe, expect, it } from "vitest";
import type { TextChange } from "./editedText";
import { SuggestionTracker } from "./suggestionTracker";

const DOCUMENT = "file:///shop.py";

describe("SuggestionTracker", () => {
  let told: string[];
  let tracker: SuggestionTracker;
  let text: string;

  beforeEach(() => {
    told = [];
    text = "def total(prices):\n    ";
    tracker = new SuggestionTracker({
      accepted: (id, how, characters) => told.push(`${id} ${how} ${characters}`),
      kept: (id, similarity) => told.push(`${id} kept ${similarity.toFixed(2)}`),
      judgeLater: () => {},
    });
  });

  const change = (...changes: TextChange[]) => {
    for (const { offset, length, text: put } of changes) {
      text = text.slice(0, offset) + put + text.slice(offset + length);
    }
    tracker.changed(DOCUMENT, changes);
  };
  const put = (added: string, offset = text.length) => change({ offset, length: 0, text: added });
  const offer = (id: string, suggestion: string, offset = text.length) =>
    tracker.offered({ id, document: DOCUMENT, offset, text: suggestion });

  it("tells of a suggestion that is taken as a whole, and that it is all there later", () => {
    expect(offer("a", "return sum(prices)")).toBe(true);
    put("return sum(prices)");
    tracker.accepted("a", text);
    tracker.judge("a", text);
    expect(told).toEqual(["a whole 18", "a kept 1.00"]);
  });

  it("says how much is left of what was changed afterwards, wherever it has moved", () => {
    offer("a", "return sum(prices)");
    put("return sum(prices)");
    tracker.accepted("a", text);
    put("import math\n", 0);
    change({ offset: text.length - 7, length: 6, text: "xyz" });
    put("\n    # done");
    tracker.judge("a", text);
    // The six characters of a name have gone.
    expect(told).toEqual(["a whole 18", "a kept 0.67"]);
  });

  it("says that nothing is left of what was undone", () => {
    offer("a", "return 1");
    put("return 1");
    tracker.accepted("a", text);
    change({ offset: text.length - 8, length: 8, text: "" });
    tracker.judge("a", text);
    expect(told).toEqual(["a whole 8", "a kept 0.00"]);
  });

  it("tells words and lines that are taken from a change that puts in several characters", () => {
    offer("a", "total = 0\n    return total");
    put("total");
    put(" = 0\n");
    put("    return");
    put(" total");
    tracker.accepted("a", text);
    tracker.judge("a", text);
    expect(told).toEqual(["a word 5", "a line 5", "a word 10", "a whole 6", "a kept 1.00"]);
  });

  it("does not take typing for taking, nor a new line's indentation, nor a bracket that the editor closes", () => {
    offer("a", "f(x)\n    y");
    for (const typed of ["f", "(", "x", ")", "\n    ", "y"]) put(typed);
    expect(told).toEqual([]);
    offer("b", "g(x)");
    put("g");
    put("()");
    expect(offer("c", "x)", text.length - 1)).toBe(false);
    expect(told).toEqual([]);
  });

  it("knows the rest of a suggestion that is offered again, typed along and back, under any id", () => {
    offer("a", "return sum(prices)");
    put("r");
    put("e");
    expect(offer("b", "turn sum(prices)")).toBe(false);
    change({ offset: text.length - 1, length: 1, text: "" });
    expect(offer("c", "eturn sum(prices)")).toBe(false);
    put("eturn sum(prices)");
    tracker.accepted("c", text);
    tracker.accepted("a", text);
    expect(told).toEqual(["a whole 17"]);
  });

  it("counts another suggestion, and another place, as new", () => {
    offer("a", "return 1");
    expect(offer("b", "return 2")).toBe(true);
    put("x = 1\n", 0);
    expect(offer("c", "return 2")).toBe(false);
    expect(offer("d", "return 2", 0)).toBe(true);
  });

  it("finds what was taken over a bracket that stood there already", () => {
    text = "print()";
    offer("a", "prices)", 6);
    change({ offset: 6, length: 1, text: "prices)" });
    tracker.accepted("a", text);
    tracker.judge("a", text);
    expect(told).toEqual(["a whole 7", "a kept 1.00"]);
  });

  it("finds what was taken where only the editor's difference was put in", () => {
    text = "print()";
    offer("a", "prices)", 6);
    change({ offset: 6, length: 0, text: "prices" });
    tracker.accepted("a", text);
    tracker.judge("a", text);
    expect(told).toEqual(["a word 6", "a whole 1", "a kept 1.00"]);
  });

  it("knows the rest that the editor puts in together with the words before it", () => {
    offer("a", "left + right");
    put("left");
    change({ offset: text.length - 4, length: 4, text: "left + right" });
    tracker.accepted("a", text);
    tracker.judge("a", text);
    expect(told).toEqual(["a word 4", "a whole 8", "a kept 1.00"]);
  });

  it("compares texts, not line ends", () => {
    text = "if x:\r\n    ";
    offer("a", "y = 1\n    return y");
    put("y = 1\r\n    return y");
    tracker.accepted("a", text);
    tracker.judge("a", text);
    expect(told).toEqual(["a whole 18", "a kept 1.00"]);
  });

  it("judges what was taken in a document at once when that is closed", () => {
    offer("a", "return 1");
    put("return 1");
    tracker.accepted("a", text);
    tracker.closed(DOCUMENT, () => text);
    expect(told).toEqual(["a whole 8", "a kept 1.00"]);
    expect(tracker.watchedIn("a")).toBeUndefined();
  });

  it("lets the window after this one judge what it was to judge, without the text", () => {
    offer("a", "return sum(prices)");
    put("return sum(prices)");
    tracker.accepted("a", text);
    change({ offset: text.length - 7, length: 6, text: "xyz" });
    const [left] = tracker.leftToJudge((document) => (document === DOCUMENT ? text : undefined));
    expect(JSON.stringify(left)).not.toMatch(/sum|return/);
    const next = new SuggestionTracker({
      accepted: () => {},
      kept: (id, similarity) => told.push(`${id} kept ${similarity.toFixed(2)}`),
      judgeLater: () => {},
    });
    expect(next.goOn(left!, `${text}x`)).toBe(true);
    expect(next.isWatching(DOCUMENT)).toBe(true);
    next.changed(DOCUMENT, [{ offset: 0, length: 0, text: "import math\n" }]);
    next.judge("a", `import math\n${text}`);
    expect(told).toEqual(["a whole 18", "a kept 0.67"]);
    expect(next.goOn(left!, `\n${text}`)).toBe(false);
    expect(next.isWatching(DOCUMENT)).toBe(false);
  });

  it("hears of an id that it does not know, and of an old one, without a word", () => {
    tracker.accepted("never", text);
    for (let index = 0; index < 100; index++) offer(`id-${index}`, `value_${index}`);
    expect(tracker.offeredIn("id-0")).toBeUndefined();
    tracker.accepted("id-0", text);
    expect(told).toEqual([]);
  });
});
