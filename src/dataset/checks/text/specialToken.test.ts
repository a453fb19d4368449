import { describe, expect, it } from "vitest";
import { specialToken } from "./specialToken";

const check = (text: string) =>
  specialToken({ path: ["output"], text, role: "answer" }).map(({ range }) => text.slice(range!.start, range!.end));

describe("special tokens", () => {
  it.each([
    "<|eot_id|>",
    "<|im_end|>",
    "<|endoftext|>",
    "</s>",
    "<unk>",
    "<pad>",
    "[PAD]",
    "<fim_prefix>",
    "<fim-middle>",
    "<|fim_suffix|>",
    "<start_of_turn>",
    "<｜end▁of▁sentence｜>",
    "<extra_id_0>",
    "<PRE>",
  ])("finds %s", (token) => {
    expect(check(`é😀 a ${token} b`)).toEqual([token]);
  });

  it("finds a sequence that is written out", () => {
    expect(check("x <s>[INST] a [/INST] b</s>")).toEqual(["<s>", "</s>"]);
    expect(check("the end</s>")).toEqual(["</s>"]);
  });

  it("leaves the begin token at the start to its own check", () => {
    expect(check("<s>a</s>")).toEqual(["</s>"]);
    expect(check("<|begin_of_text|>a<|eot_id|>")).toEqual(["<|eot_id|>"]);
  });

  it.each([
    "<p><s>old</s> new</p>",
    "It costs <s>10</s> 8 and <s>5</s> 4.",
    "<div>\n<s>\nold\n</s>\n</div>",
    "a <| b |> c, list |> map <|> x",
    "std::vector<s> pad[PADDING]",
    "<span><strong></span>",
  ])("leaves %j alone", (text) => {
    expect(check(text)).toEqual([]);
  });

  it("reports five at most", () => {
    expect(check("<pad>".repeat(50))).toHaveLength(5);
  });
});
