import { type Fence, findFences } from "../checks/text/fences";
import { nodeAt, stringValue } from "../json";
import { editsInString, type TextReplacement } from "./edits";
import type { Row, RowFix } from "./fix";
import { textFix } from "./textFixes";

export const closeFence = textFix({
  id: "close-fence",
  checks: ["unbalanced-fence"],
  title: "Close the open Markdown fences",
  single: "Close the Markdown fence",
  safe: false,
  certain: true,
  replacements: (text) => closing(text, true),
});

export const removeFence = textFix({
  id: "remove-fence",
  checks: ["unbalanced-fence"],
  title: "Remove the Markdown fences that open nothing",
  single: "Remove the Markdown fence",
  safe: false,
  certain: true,
  replacements: (text) => closing(text, false),
});

/** With code behind it a fence is to be closed; one at the text's end is the remains of a block. */
function closing(text: string, withCode: boolean): TextReplacement[] {
  const fence = findFences(text).at(-1);
  if (fence === undefined || fence.closed) return [];
  const hasCode = text.slice(fence.contentStart).trim() !== "";
  if (hasCode !== withCode) return [];
  if (!hasCode) return [{ start: text.slice(0, fence.openStart).trimEnd().length, end: text.length, text: "" }];
  const mark = /^(?:`+|~+)/.exec(text.slice(fence.openStart, fence.openEnd))![0];
  const put = text.endsWith("\n") ? mark : `\n${mark}`;
  return [{ start: text.length, end: text.length, text: put }];
}

/** An answer that is one fenced block of Python: its code alone. Not tied to a check: either form may be wanted. */
export const unfence: RowFix = {
  id: "unfence",
  checks: [],
  title: "Take the Python answers out of their Markdown fences",
  safe: false,
  propose(row, { offset }) {
    const { tree, text } = row;
    for (const path of answerPaths(row)) {
      const node = tree && nodeAt(tree, path);
      if (node?.kind !== "string" || offset < node.offset || offset >= node.offset + node.length) continue;
      const replaced = aroundCode(stringValue(text, node));
      if (replaced === null) return null;
      return {
        title: "Take the code out of its Markdown fence",
        change: editsInString(text, node, replaced),
        certain: false,
      };
    }
    return null;
  },
};

/** Where the row's answers stand. */
export function answerPaths({ value, dialect }: Row) {
  if (value === null || dialect === null || dialect.format.check(value, dialect.layout).length > 0) return [];
  return dialect.format
    .texts(value, dialect.layout)
    .filter(({ role }) => role === "answer")
    .map(({ path }) => path);
}

function aroundCode(text: string): TextReplacement[] | null {
  const fences = findFences(text);
  const [fence] = fences;
  if (fences.length !== 1 || fence === undefined || !fence.closed || !isPython(fence)) return null;
  if (text.slice(0, fence.openStart).trim() !== "" || /[ \t]$/.test(text.slice(0, fence.openStart))) return null;
  if (!/^[ \t]*(?:`+|~+)\s*$/.test(text.slice(fence.contentEnd))) return null;
  const code = text.slice(fence.contentStart, fence.contentEnd);
  if (code.trim() === "") return null;
  const end = fence.contentEnd - (/\r?\n$/.exec(code)?.[0].length ?? 0);
  return [
    { start: 0, end: fence.contentStart, text: "" },
    { start: end, end: text.length, text: "" },
  ];
}

function isPython({ language }: Fence): boolean {
  return language === "python" || language === "py" || language === "python3";
}
