import { describe, expect, it } from "vitest";
import type { TextPart } from "./checks/textPart";
import type { SpecialTokens } from "./specialTokens";
import { misfits } from "./templateFit";
import { templateById } from "./templates/registry";

const special = (...tokens: string[]): SpecialTokens => {
  const list = tokens.map((text, id) => ({ id, text }));
  return {
    begin: null,
    end: list[0]!,
    endTokens: [list[0]!],
    fim: null,
    find: (text) => list.find((token) => token.text === text) ?? null,
  };
};
const part = (role: TextPart["role"], text: string): TextPart => ({ path: [role], text, role });

describe("a row that does not fit the base model", () => {
  const alpaca = templateById("alpaca");

  it("is not one that is written plainly", () => {
    const parts = [part("instruction", "Add"), part("answer", "a + b")];
    expect([...misfits(parts, alpaca, special("</s>"))]).toEqual([]);
  });

  it("ends with another family's end token", () => {
    const found = misfits([part("answer", "a + b<|im_end|>\n")], alpaca, special("</s>")).get("foreign-end");
    expect(found).toMatchObject({ check: "template-mismatch", path: ["answer"], range: { start: 5, end: 15 } });
    expect(found!.message).toBe(
      '"answer" ends with "<|im_end|>", which this model\'s tokenizer does not have: remove it from the rows; "</s>" is added in training.',
    );
    expect(misfits([part("answer", "x</s>")], alpaca, special("</s>")).size).toBe(0);
    expect(misfits([part("answer", "x<eos>")], alpaca, special("</s>", "<eos>")).get("foreign-end")!.message).toContain(
      "which is not its end",
    );
  });

  it("has a template's marks in its prompt although one is added", () => {
    const parts = [part("instruction", "[INST] Add [/INST]"), part("answer", "a")];
    const found = misfits(parts, alpaca, special("</s>")).get("own-marks");
    expect(found).toMatchObject({ path: ["instruction"], range: { start: 0, end: 6 } });
  });

  it("is taken verbatim where its marks are words, not where they are tokens that the model lacks", () => {
    const verbatim = templateById("prompt-completion");
    const words = [part("instruction", "Add\n### Response:"), part("answer", "a")];
    const tokens = [part("instruction", "<|im_start|>user"), part("answer", "a")];
    expect(misfits(words, verbatim, special("</s>")).size).toBe(0);
    expect(misfits(tokens, verbatim, special("</s>")).has("own-marks")).toBe(true);
    expect(misfits(tokens, verbatim, special("</s>", "<|im_start|>")).size).toBe(0);
  });

  it("is a conversation for a model without chat tokens", () => {
    expect([...misfits([], templateById("plain-chat"), special("</s>")).keys()]).toEqual(["plain-chat"]);
    expect(misfits([], templateById("llama3-chat"), special("<|eot_id|>")).size).toBe(0);
  });
});
