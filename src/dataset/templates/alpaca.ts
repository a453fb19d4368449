import type { InstructionSample } from "../sample";
import { control, learned, plain, type Segment, type Template } from "./template";

/** Stanford Alpaca's text, to the letter. */
export const alpaca: Template = {
  id: "alpaca",
  name: "Alpaca",
  shapes: ["instruction"],
  needs: [],
  render(sample, special) {
    const { instruction, input, answer } = sample as InstructionSample;
    return [...prompt(instruction, input), learned(answer), control(special.end, true)];
  },
  prompt,
  end: (special) => special.end,
};

function prompt(instruction: string, input: string): Segment[] {
  if (input === "") {
    return [
      plain(
        `Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n${instruction}\n\n### Response:\n`,
      ),
    ];
  }
  return [
    plain(
      `Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:\n`,
    ),
  ];
}
