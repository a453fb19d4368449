import { expect, it } from "vitest";
import { doubleBos } from "./doubleBos";

const check = (text: string) => doubleBos({ path: ["instruction"], text, role: "instruction" });

it.each(["<s>", "<|begin_of_text|>", "<bos>", "<｜begin▁of▁sentence｜>", "<|startoftext|>"])(
  "finds %s at the start",
  (token) => {
    expect(check(` ${token}Hello`)).toMatchObject([
      { check: "double-bos", range: { start: 1, end: 1 + token.length } },
    ]);
  },
);

it("leaves the token elsewhere and HTML alone", () => {
  expect(check("a <s>")).toEqual([]);
  expect(check("<s>old</s> new")).toEqual([]);
});
