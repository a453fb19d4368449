import type { TextPart } from "../checks/textPart";
import type { RowProblem } from "../problem";
import { checkTextPart, type TextField, textOf } from "./fields";
import type { Format } from "./format";
import { partPath } from "./layout";

/** In the order in which the model sees them. */
const PARTS = [
  ["system", "system", { use: "who the model is to be", absent: "allowed", blank: "allowed" }],
  ["instruction", "instruction", { use: "the task", absent: "problem", blank: "empty-instruction" }],
  ["input", "context", { use: "what the task is done on", absent: "allowed", blank: "allowed" }],
  ["answer", "answer", { use: "the answer to learn", absent: "problem", blank: "empty-answer" }],
] as const satisfies readonly (readonly [string, TextPart["role"], TextField])[];

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
  check(row, layout) {
    const problems: RowProblem[] = [];
    for (const [part, , field] of PARTS) {
      for (const problem of checkTextPart(row, layout, part, field)) problems.push(problem);
    }
    return problems;
  },
  read: (row, layout) => ({
    shape: "instruction",
    system: textOf(row, layout, "system"),
    instruction: textOf(row, layout, "instruction"),
    input: textOf(row, layout, "input"),
    answer: textOf(row, layout, "answer"),
  }),
  texts(row, layout) {
    const texts: TextPart[] = [];
    for (const [part, role] of PARTS) {
      const text = textOf(row, layout, part);
      if (text !== "") texts.push({ path: partPath(layout, part), text, role });
    }
    return texts;
  },
};
