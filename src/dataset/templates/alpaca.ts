import type { InstructionSample } from "../sample";
import { control, learned, plain, type Segment, type Template } from "./template";

/** Stanford Alpaca's text, to the letter. */
export const alpaca: Template = {
  id: "alpaca",
  name: "Alpaca",
  shapes: ["instruction"],
  needs: [],
  render(sample, special) {
    const { system, instruction, input, answer } = sample as InstructionSample;
    return [...prompt(instruction, input, system), learned(answer), control(special.end, true)];
  },
  prompt: (instruction, input) => prompt(instruction, input, ""),
  end: (special) => special.end,
};

/** A row's own system text stands in place of Alpaca's first sentences. */
function prompt(instruction: string, input: string, system: string): Segment[] {
  if (input === "") {
    const preamble =
      system ||
      "Below is an instruction that describes a task. Write a response that appropriately completes the request.";
    return [plain(`${preamble}\n\n### Instruction:\n${instruction}\n\n### Response:\n`)];
  }
  const preamble =
    system ||
    "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.";
  return [plain(`${preamble}\n\n### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:\n`)];
}
