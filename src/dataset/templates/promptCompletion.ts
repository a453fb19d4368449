import type { CompletionSample } from "../sample";
import { control, joinInput, learned, plain, type Template } from "./template";

/** Prompt and completion as they stand, then the end token. */
export const promptCompletion: Template = {
  id: "prompt-completion",
  name: "Prompt and completion, verbatim",
  shapes: ["completion"],
  needs: [],
  render(sample, special) {
    const { prompt, completion } = sample as CompletionSample;
    return [plain(prompt), learned(completion), control(special.end, true)];
  },
  prompt: (instruction, input) => [plain(joinInput(instruction, input))],
  end: (special) => special.end,
};
