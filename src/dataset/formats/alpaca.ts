import type { TextPart } from "../checks/textPart";
import { checkTextPart, textOf } from "./fields";
import type { Format } from "./format";
import { partPath } from "./layout";

const roles = [
  ["system", "system"],
  ["instruction", "instruction"],
  ["input", "context"],
  ["answer", "answer"],
] as const satisfies readonly (readonly [string, TextPart["role"]])[];

/** {"instruction", "input"?, "output"} under the names that files give them; further fields are allowed. */
export const alpaca: Format = {
  id: "alpaca",
  name: "Alpaca",
  shape: "instruction",
  example: '{"instruction": …, "input": …, "output": …}',
  untrainable: null,
  parts: [
    { name: "instruction", spellings: ["instruction", "question", "query", "problem"], required: true },
    { name: "answer", spellings: ["output", "response", "completion", "answer", "text", "solution"], required: true },
    { name: "input", spellings: ["input", "context"], required: false },
    { name: "system", spellings: ["system", "system_prompt"], required: false },
  ],
  check: (row, layout) => [
    ...checkTextPart(row, layout, "system", {
      use: "who the model is to be",
      absent: "allowed",
      blank: "allowed",
    }),
    ...checkTextPart(row, layout, "instruction", { use: "the task", absent: "problem", blank: "empty-instruction" }),
    ...checkTextPart(row, layout, "input", { use: "what the task is done on", absent: "allowed", blank: "allowed" }),
    ...checkTextPart(row, layout, "answer", { use: "the answer to learn", absent: "problem", blank: "empty-answer" }),
  ],
  read: (row, layout) => ({
    shape: "instruction",
    system: textOf(row, layout, "system"),
    instruction: textOf(row, layout, "instruction"),
    input: textOf(row, layout, "input"),
    answer: textOf(row, layout, "answer"),
  }),
  texts: (row, layout) =>
    roles
      .map(([part, role]) => ({ path: partPath(layout, part), text: textOf(row, layout, part), role }))
      .filter(({ text }) => text !== ""),
};
