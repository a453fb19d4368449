import { expect, it } from "vitest";
import { refusal } from "./refusal";

const check = (text: string, role: "answer" | "instruction" = "answer") =>
  refusal({ path: ["output"], text, role }).map(({ range }) => text.slice(range!.start, range!.end));

it.each([
  "I'm sorry, but I can't assist with that.",
  "I’m sorry, but I can’t help with that.",
  "I'm sorry, but as an AI, I don't have the capability to book flights.",
  "As an AI language model, I cannot browse the internet.",
  "As an AI, I am not able to do this.",
  "I cannot provide medical advice.",
  "I'm unable to access the file.",
  "Sorry, I can't do that!",
  "Unfortunately, I cannot complete this.",
  "I apologize, but I won't be able to help you.",
])("finds %j", (text) => {
  expect(check(` ${text} Try something else.`)).toEqual([text]);
});

it.each([
  "I'm sorry to hear that. You can take a refund.",
  "I can't believe it is already May!",
  "Sorry for the delay: the parcel is on its way.",
  "def refuse():\n    return \"I'm sorry, but I can't do that\"",
  "Unfortunately, the train was late.",
])("leaves %j alone", (text) => {
  expect(check(text)).toEqual([]);
});

it("looks at answers only", () => {
  expect(check("I cannot provide this.", "instruction")).toEqual([]);
});
