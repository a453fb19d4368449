import { checkTextPart, textOf } from "./fields";
import type { Format } from "./format";
import { partPath } from "./layout";
import { isMessageList } from "./promptMessages";

/** {"prompt", "completion"}, both verbatim. An empty prompt is allowed: then the whole text is learned. */
export const promptCompletion: Format = {
  id: "prompt-completion",
  name: "Prompt and completion",
  shape: "completion",
  example: '{"prompt": …, "completion": …}',
  untrainable: null,
  parts: [
    { name: "prompt", spellings: ["prompt"], required: true, accepts: (value) => !isMessageList(value) },
    {
      name: "completion",
      spellings: ["completion", "response", "output", "answer", "canonical_solution", "text"],
      required: true,
      accepts: (value) => !isMessageList(value),
    },
  ],
  check: (row, layout) => [
    ...checkTextPart(row, layout, "prompt", { use: "the text to go on from", absent: "problem", blank: "allowed" }),
    ...checkTextPart(row, layout, "completion", { use: "the text to learn", absent: "problem", blank: "empty-answer" }),
  ],
  read: (row, layout) => ({
    shape: "completion",
    prompt: textOf(row, layout, "prompt"),
    completion: textOf(row, layout, "completion"),
  }),
  texts: (row, layout) => [
    { path: partPath(layout, "prompt"), text: textOf(row, layout, "prompt"), role: "instruction" },
    { path: partPath(layout, "completion"), text: textOf(row, layout, "completion"), role: "answer" },
  ],
};
