import { checkTextPart, textOf } from "./fields";
import type { Format } from "./format";
import { partPath } from "./layout";

/** {"text"}: the whole text is learned. */
export const plainText: Format = {
  id: "text",
  name: "Plain text",
  shape: "completion",
  example: '{"text": …}',
  untrainable: null,
  parts: [{ name: "text", spellings: ["text", "content"], required: true }],
  check: (row, layout) =>
    checkTextPart(row, layout, "text", { use: "the text to learn", absent: "problem", blank: "empty-answer" }),
  read: (row, layout) => ({ shape: "completion", prompt: "", completion: textOf(row, layout, "text") }),
  texts: (row, layout) => [{ path: partPath(layout, "text"), text: textOf(row, layout, "text"), role: "answer" }],
};
