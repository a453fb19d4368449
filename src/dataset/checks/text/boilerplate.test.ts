import { expect, it } from "vitest";
import { boilerplate } from "./boilerplate";

const check = (text: string, role: "answer" | "instruction" = "answer") =>
  boilerplate({ path: ["output"], text, role }).map(({ range }) => text.slice(range!.start, range!.end));

it.each([
  ["Sure! Here is the code:\n\nx = 1", "Sure! Here is the code:"],
  ["Certainly! x = 1", "Certainly!"],
  ["Of course, x", "Of course,"],
  ["x = 1\n\nI hope this helps!", "I hope this helps"],
  ["x = 1\nLet me know if you have any questions.", "Let me know if you"],
  ["Cats, as an AI language model sees them, sleep.", "as an AI language model"],
])("finds the phrase of %j", (text, phrase) => {
  expect(check(text)).toEqual([phrase]);
});

it.each([
  "Surely not.",
  "surety = 1",
  "Here is a list:",
  "The model is an assistant.",
  "I'm sorry, but as an AI language model, I cannot.",
])("leaves %j alone", (text) => {
  expect(check(text)).toEqual([]);
});

it("looks at answers only", () => {
  expect(check("Sure! Do it.", "instruction")).toEqual([]);
});
