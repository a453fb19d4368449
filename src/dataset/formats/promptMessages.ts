import type { TextPart } from "../checks/textPart";
import type { RowPath, RowProblem } from "../problem";
import type { ChatMessage, ChatSample } from "../sample";
import { isRecord } from "../specialTokens";
import { chat } from "./chat";
import { missingField, wrongType } from "./fields";
import type { Format, JsonObject, Layout } from "./format";
import { partPath, valueAt } from "./layout";

const PARTS = ["prompt", "completion"] as const;
const AS_CHAT: Layout = { messages: ["messages"] };

/** Whether a value is a list of chat messages rather than a text. */
export function isMessageList(value: unknown): boolean {
  return Array.isArray(value) && isRecord(value[0]) && Object.hasOwn(value[0], "role");
}

/** {"prompt": [messages], "completion": [messages]}: one conversation, of which the completion is learned (as in TRL). */
export const promptMessages: Format = {
  id: "prompt-messages",
  name: "Prompt and completion as messages",
  shape: "chat",
  example: '{"prompt": [{"role": "user", "content": …}], "completion": [{"role": "assistant", "content": …}]}',
  untrainable: null,
  parts: PARTS.map((name) => ({ name, spellings: [name], required: true, accepts: isMessageList })),
  check(row, layout) {
    const problems = PARTS.flatMap((part) => checkList(row, partPath(layout, part)));
    if (problems.length > 0) return problems;
    return chat.check(joined(row, layout), AS_CHAT).map((problem) => inItsPart(problem, row, layout));
  },
  read(row, layout) {
    const { messages } = chat.read(joined(row, layout), AS_CHAT) as ChatSample;
    const learned = new Set(messages.slice(-listAt(row, layout, "completion").length));
    return { shape: "chat", messages: messages.map((message) => (learned.has(message) ? message : shown(message))) };
  },
  texts: (row, layout) =>
    chat.texts(joined(row, layout), AS_CHAT).map((part) => {
      const path = pathInPart(part.path, row, layout);
      const isShown = part.role === "answer" && path[0] === partPath(layout, "prompt")[0];
      return { ...part, path, role: isShown ? "context" : part.role } satisfies TextPart;
    }),
};

function checkList(row: JsonObject, path: RowPath): RowProblem[] {
  const value = valueAt(row, path);
  if (value === undefined) return [missingField(path.slice(0, -1), String(path.at(-1)), "messages")];
  return Array.isArray(value) ? [] : [wrongType(value, path, 'an array of {"role", "content"}')];
}

function listAt(row: JsonObject, layout: Layout, part: (typeof PARTS)[number]): unknown[] {
  return valueAt(row, partPath(layout, part)) as unknown[];
}

function joined(row: JsonObject, layout: Layout): JsonObject {
  return { messages: [...listAt(row, layout, "prompt"), ...listAt(row, layout, "completion")], tools: row.tools };
}

/** An answer within the prompt is not learned. */
function shown(message: ChatMessage): ChatMessage {
  return message.role === "assistant" ? { ...message, unlearned: true } : message;
}

function pathInPart(path: RowPath, row: JsonObject, layout: Layout): RowPath {
  const [, index, ...rest] = path;
  if (typeof index !== "number") return partPath(layout, "completion");
  const before = listAt(row, layout, "prompt").length;
  return index < before
    ? [...partPath(layout, "prompt"), index, ...rest]
    : [...partPath(layout, "completion"), index - before, ...rest];
}

function inItsPart(problem: RowProblem, row: JsonObject, layout: Layout): RowProblem {
  const before = listAt(row, layout, "prompt").length;
  const message = problem.message.replace(/messages(?:\[(\d+)\])?/, (_, index?: string) => {
    if (index === undefined) return "completion";
    return Number(index) < before ? `prompt[${index}]` : `completion[${Number(index) - before}]`;
  });
  return { ...problem, message, path: pathInPart(problem.path, row, layout) };
}
