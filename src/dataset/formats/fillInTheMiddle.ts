import { checkTextPart, textOf } from "./fields";
import type { Format } from "./format";
import { partPath } from "./layout";

/** {"prefix", "suffix", "middle"}: what stands before and after a gap, and what belongs into it. */
export const fillInTheMiddle: Format = {
  id: "fim",
  name: "Fill in the middle",
  shape: "fim",
  example: '{"prefix": …, "suffix": …, "middle": …}',
  untrainable: null,
  parts: [
    { name: "prefix", spellings: ["prefix", "prompt"], required: true },
    { name: "suffix", spellings: ["suffix"], required: true },
    { name: "middle", spellings: ["middle", "canonical_solution", "completion"], required: true },
  ],
  check: (row, layout) => [
    ...checkTextPart(row, layout, "prefix", { use: "the text before the gap", absent: "problem", blank: "allowed" }),
    ...checkTextPart(row, layout, "suffix", { use: "the text after the gap", absent: "problem", blank: "allowed" }),
    ...checkTextPart(row, layout, "middle", { use: "the text in the gap", absent: "problem", blank: "empty-answer" }),
  ],
  read: (row, layout) => ({
    shape: "fim",
    prefix: textOf(row, layout, "prefix"),
    suffix: textOf(row, layout, "suffix"),
    middle: textOf(row, layout, "middle"),
  }),
  texts: (row, layout) => [
    { path: partPath(layout, "prefix"), text: textOf(row, layout, "prefix"), role: "context" },
    { path: partPath(layout, "suffix"), text: textOf(row, layout, "suffix"), role: "context" },
    { path: partPath(layout, "middle"), text: textOf(row, layout, "middle"), role: "answer" },
  ],
};
