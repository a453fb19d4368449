import { checkTextField, has } from "./fields";
import type { Format } from "./format";

/** {"instruction", "input"?, "output"}; further fields are allowed. */
export const alpaca: Format = {
  id: "alpaca",
  name: "Alpaca",
  shape: "instruction",
  example: '{"instruction": …, "input": …, "output": …}',
  resemblance: (row) => (Number(has(row, "instruction")) + Number(has(row, "output"))) / 2,
  check: (row) => [
    ...checkTextField(row, "instruction", { use: "the task", absent: "problem", blank: "empty-instruction" }),
    ...checkTextField(row, "input", { use: "what the task is done on", absent: "allowed", blank: "allowed" }),
    ...checkTextField(row, "output", { use: "the answer to learn", absent: "problem", blank: "empty-answer" }),
  ],
  read: (row) => ({
    shape: "instruction",
    instruction: row.instruction as string,
    input: (row.input as string | null | undefined) ?? "",
    answer: row.output as string,
  }),
};
