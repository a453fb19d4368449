import { checkTextField, has } from "./fields";
import type { Format } from "./format";

/** {"prompt", "completion"}, both verbatim. An empty prompt is allowed: then the whole text is learned. */
export const promptCompletion: Format = {
  id: "prompt-completion",
  name: "Prompt and completion",
  shape: "completion",
  example: '{"prompt": …, "completion": …}',
  resemblance: (row) => (Number(has(row, "prompt")) + Number(has(row, "completion"))) / 2,
  check: (row) => [
    ...checkTextField(row, "prompt", { use: "the text to go on from", absent: "problem", blank: "allowed" }),
    ...checkTextField(row, "completion", { use: "the text to learn", absent: "problem", blank: "empty-answer" }),
  ],
  read: (row) => ({ shape: "completion", prompt: row.prompt as string, completion: row.completion as string }),
};
