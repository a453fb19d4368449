import { expect, it } from "vitest";
import { AnswerText } from "./answerText";

/** Each token is one byte of UTF-8, as in a byte-level vocabulary's rare pieces. */
const bytes = { decode: async (ids: readonly number[]) => Buffer.from(ids).toString("utf8") };
const idsOf = (text: string) => [...Buffer.from(text)];

it("tells what each token adds", async () => {
  const answer = new AnswerText(bytes);
  expect(await answer.add(idsOf("de"))).toEqual({ from: 0, text: "de" });
  expect(await answer.add(idsOf("f"))).toEqual({ from: 2, text: "f" });
  expect(answer.text).toBe("def");
  expect(answer.tokens).toBe(3);
});

it("holds back a character until its last byte has come", async () => {
  const answer = new AnswerText(bytes);
  await answer.add(idsOf("a"));
  const [first, second, third, fourth] = idsOf("😀");
  expect(await answer.add([first!])).toBeNull();
  expect(await answer.add([second!, third!])).toBeNull();
  expect(await answer.add([fourth!])).toEqual({ from: 1, text: "😀" });
});

it("shows at the end what never became a character", async () => {
  const answer = new AnswerText(bytes);
  await answer.add([0x61, 0xf0]);
  expect(answer.text).toBe("a");
  expect(await answer.finish()).toEqual({ from: 1, text: "\ufffd" });
  expect(await answer.finish()).toBeNull();
});

it("does not wait for ever where an answer is no text at all", async () => {
  const answer = new AnswerText(bytes);
  await answer.add([0xff, 0xff, 0xff, 0xff, 0xff]);
  expect(answer.text).toBe("\ufffd\ufffd");
});

it("tells from where a text changes that a later token has changed", async () => {
  const texts = ["a b", "a c d"];
  const answer = new AnswerText({ decode: async () => texts.shift()! });
  await answer.add([1]);
  expect(await answer.add([2])).toEqual({ from: 2, text: "c d" });
});
