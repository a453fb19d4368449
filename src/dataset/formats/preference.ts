import { isRecord } from "../specialTokens";
import { missingField, wrongType } from "./fields";
import type { Format, JsonObject, Layout } from "./format";
import { partPath, valueAt } from "./layout";

/** {"prompt"?, "chosen", "rejected"}, each answer as a text or as messages: for preference training, not for this. */
export const preference: Format = {
  id: "preference",
  name: "Preference pairs",
  shape: "completion",
  example: '{"prompt": …, "chosen": …, "rejected": …}',
  untrainable:
    "Rows with a chosen and a rejected answer are for preference training: convert the data set to keep the chosen answers.",
  parts: [
    { name: "chosen", spellings: ["chosen"], required: true },
    { name: "rejected", spellings: ["rejected"], required: true },
    { name: "prompt", spellings: ["prompt", "instruction", "question", "conversations", "messages"], required: false },
  ],
  check: (row, layout) => ["chosen", "rejected"].flatMap((part) => checkAnswer(row, layout, part)),
  read: (row, layout) => ({
    shape: "completion",
    prompt: plain(valueAt(row, partPath(layout, "prompt"))),
    completion: plain(valueAt(row, partPath(layout, "chosen"))),
  }),
  texts: (row, layout) =>
    (["prompt", "chosen", "rejected"] as const).flatMap((part) => {
      const path = partPath(layout, part);
      const text = valueAt(row, path);
      return typeof text === "string" ? [{ path, text, role: part === "prompt" ? "instruction" : "answer" }] : [];
    }),
};

function checkAnswer(row: JsonObject, layout: Layout, part: string) {
  const path = partPath(layout, part);
  const value = valueAt(row, path);
  if (value === undefined) return [missingField(path.slice(0, -1), part, `the ${part} answer`)];
  if (typeof value === "string" || Array.isArray(value) || isRecord(value)) return [];
  return [wrongType(value, path, "a text or messages")];
}

/** The text of an answer or of the last of its messages; "" where there is none. */
function plain(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return plain(value.at(-1));
  if (isRecord(value)) return plain(value.content ?? value.value);
  return "";
}
