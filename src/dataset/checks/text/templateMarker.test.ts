import { expect, it } from "vitest";
import { templateMarker } from "./templateMarker";

const check = (text: string) =>
  templateMarker({ path: ["output"], text, role: "answer" }).map(({ range }) => text.slice(range!.start, range!.end));

it.each([
  ["a [INST] b [/INST]", "[INST]"],
  ["<<SYS>>\nx\n<</SYS>>", "<<SYS>>"],
  ["done\n\n### Response:\nx", "### Response:"],
  ["### Instruction: do", "### Instruction:"],
  ["x\n### Human: hi", "### Human:"],
  ["Human: hi\nAssistant: hello", "Human:"],
  ["USER: hi\nASSISTANT: hello", "USER:"],
])("finds the mark in %j", (text, marker) => {
  expect(check(text)).toEqual([marker]);
});

it.each([
  "Human: only one",
  "the ### Response: inside a line",
  "### Responses\n",
  "a[INSTALL]",
  "print('Assistant: x')",
])("leaves %j alone", (text) => {
  expect(check(text)).toEqual([]);
});
