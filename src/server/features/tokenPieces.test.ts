import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { loadTokenizer, type Tokenizer } from "../../dataset/tokenizer";
import { tokenPieces } from "./tokenPieces";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer("models/tiny-python");
});

const piecesOf = async (text: string) => tokenPieces(text, (await tokenizer.encode([text]))[0]!, tokenizer, new Map());

describe("the pieces that tokens cut a text into", () => {
  it("are the tokens' own texts", async () => {
    const pieces = (await piecesOf("def add(a, b):\n    return a + b"))!;
    expect(pieces.map(({ text }) => text).join("")).toBe("def add(a, b):\n    return a + b");
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.every(({ ids }) => ids.length === 1)).toBe(true);
  });

  it("join the tokens that make up one character", async () => {
    const pieces = (await piecesOf("a 😀"))!;
    expect(pieces.at(-1)!.text.endsWith("😀")).toBe(true);
    expect(pieces.at(-1)!.ids.length).toBeGreaterThan(1);
  });

  it("make up the text, and hold all of its tokens in their order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 60 }), async (text) => {
        const [ids] = await tokenizer.encode([text]);
        const pieces = await piecesOf(text);
        if (pieces === null) return;
        expect(pieces.map((piece) => piece.text).join("")).toBe(text);
        expect(pieces.flatMap((piece) => piece.ids)).toEqual(ids);
      }),
      { numRuns: 200 },
    );
  });

  it("take the space before a word that a tokenizer leaves out when it decodes", async () => {
    const words = ["Hello", "world"];
    const decode = async (ids: readonly number[]) => ids.map((id) => words[id]).join(" ");
    expect(await tokenPieces("Hello world", [0, 1], { decode }, new Map())).toEqual([
      { text: "Hello", ids: [0] },
      { text: " world", ids: [1] },
    ]);
  });

  it("are none where the tokenizer has changed the text", async () => {
    const decode = async () => "changed";
    expect(await tokenPieces("text", [1, 2], { decode }, new Map())).toBeNull();
    expect(await tokenPieces("changed", [1], { decode }, new Map())).toEqual([{ text: "changed", ids: [1] }]);
    expect(await tokenPieces("changed more", [1], { decode }, new Map())).toBeNull();
  });
});
