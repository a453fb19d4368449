import { expect, it } from "vitest";
import { DraftLength } from "./draftedSequence";

it("guesses more while guesses hold, fewer while they do not, and never stops trying", () => {
  const length = new DraftLength();
  expect(length.value).toBe(2);
  for (let i = 0; i < 20; ++i) length.learn(length.value, length.value);
  expect(length.value).toBe(6);
  length.learn(6, 3);
  expect(length.value).toBe(6);
  length.learn(6, 2);
  expect(length.value).toBe(5);
  for (let i = 0; i < 20; ++i) length.learn(length.value, 0);
  expect(length.value).toBe(1);
  // Nothing was guessed: nothing is learnt.
  length.learn(0, 0);
  expect(length.value).toBe(1);
});
