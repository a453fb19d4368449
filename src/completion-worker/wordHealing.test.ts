import { beforeAll, describe, expect, it } from "vitest";
import { loadTokenizer, type Tokenizer } from "../dataset/tokenizer";
import { TINY_PYTHON } from "../model/testModel";
import { splitIndentation, splitWord, TokenTexts, WordHealing } from "./wordHealing";

let tokenizer: Tokenizer;
let texts: TokenTexts;
beforeAll(async () => {
  tokenizer = await loadTokenizer(TINY_PYTHON);
  texts = await TokenTexts.of(tokenizer);
});

describe("the begun word", () => {
  it.each([
    ["def f():\n    retu", " retu"],
    ["import numpy as ", " "],
    ["import numpy as", " as"],
    ["x = foo(ba", "ba"],
    ["x = foo(", ""],
    ["x = 12", " 12"],
    ["def f():\n    ", ""],
    ["def f():\n", ""],
    ["a\r    b", " b"],
    ["", ""],
    ["\tretu", "retu"],
    ["x  ", " "],
  ])("of %j is %j", (prefix, word) => {
    expect(splitWord(prefix)).toEqual({ head: prefix.slice(0, prefix.length - word.length), word });
  });

  it("may be a blank line's indentation", () => {
    const split = (prefix: string) => splitIndentation(prefix);
    expect(split("if x:\n    ")).toEqual({ head: "if x:\n", word: "    " });
    expect(split("if x:\r\n\t\t")).toEqual({ head: "if x:\r\n", word: "\t\t" });
    expect(split("  ")).toEqual({ head: "", word: "  " });
    expect(split("x = ")).toEqual({ head: "x =", word: " " });
    expect(split("if x:\n")).toEqual({ head: "if x:\n", word: "" });
    expect(split(`a\n${" ".repeat(60)}`).word).toBe("");
  });

  it("is bounded", () => {
    expect(splitWord("x".repeat(100_000)).word).toHaveLength(48);
  });
});

describe("healing", () => {
  const idOf = async (text: string) => {
    const [ids] = await tokenizer.encode([text]);
    expect(ids).toHaveLength(1);
    return ids![0]!;
  };

  it("takes the likeliest token that writes the word, and then any", async () => {
    const healing = new WordHealing(texts, " retu");
    const logits = new Float32Array(8192);
    logits[await idOf(" return")] = 3;
    logits[await idOf(" re")] = 2;
    logits[await idOf(" def")] = 9;
    expect(healing.choose(logits)).toBe(await idOf(" return"));
    expect(healing.choose(logits)).toBeNull();
  });

  it("goes on with the rest of a word that takes several tokens", async () => {
    const healing = new WordHealing(texts, " retu");
    const logits = new Float32Array(8192);
    logits[await idOf(" re")] = 5;
    expect(healing.choose(logits)).toBe(await idOf(" re"));
    logits.fill(0);
    logits[await idOf("turn")] = 1;
    logits[await idOf("\n")] = 9;
    expect(healing.choose(logits)).toBe(await idOf("turn"));
    expect(healing.choose(logits)).toBeNull();
  });

  it("writes an indentation as it is, with its last space in the word that follows", async () => {
    const healing = new WordHealing(texts, "    ");
    const logits = new Float32Array(8192);
    logits[await idOf("       ")] = 9;
    logits[await idOf("   ")] = 5;
    expect(healing.choose(logits)).toBe(await idOf("   "));
    logits.fill(0);
    logits[await idOf("   ")] = 9;
    logits[await idOf(" return")] = 1;
    expect(healing.choose(logits)).toBe(await idOf(" return"));
    expect(healing.choose(logits)).toBeNull();
  });

  it("never takes control tokens, and gives up where the vocabulary cannot write the word", () => {
    const logits = new Float32Array(8192);
    logits[8161] = 100;
    expect(new WordHealing(texts, "<|end").choose(logits)).not.toBe(8161);
    expect(new WordHealing(texts, "\u4e2d").choose(logits)).toBeNull();
    expect(new WordHealing(texts, "").choose(logits)).toBeNull();
  });
});
