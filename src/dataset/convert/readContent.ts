import { textOf } from "../formats/fields";
import type { Dialect, JsonObject } from "../formats/format";
import { partPath, valueAt } from "../formats/layout";
import { formatById } from "../formats/registry";
import type { ChatRole, ChatSample } from "../sample";
import { isRecord } from "../specialTokens";
import { type Content, type Message, type ToolCall, Unconvertible } from "./content";

/** The row's content; what it has that no content has is added to `lost`. Throws Unconvertible. */
export function readContent(row: JsonObject, dialect: Dialect, lost: Set<string>): Content {
  const { format, layout } = dialect;
  switch (format.id) {
    case "alpaca":
      return {
        kind: "instruction",
        system: textOf(row, layout, "system"),
        instruction: textOf(row, layout, "instruction"),
        input: textOf(row, layout, "input"),
        answer: textOf(row, layout, "answer"),
      };
    case "prompt-completion":
      return {
        kind: "completion",
        prompt: textOf(row, layout, "prompt"),
        completion: textOf(row, layout, "completion"),
      };
    case "text":
      return { kind: "text", text: textOf(row, layout, "text") };
    case "fim":
      return {
        kind: "fim",
        prefix: textOf(row, layout, "prefix"),
        suffix: textOf(row, layout, "suffix"),
        middle: textOf(row, layout, "middle"),
      };
    case "chat":
    case "sharegpt":
      return readConversation(row, dialect, lost);
    case "preference":
      return readPreference(row, dialect, lost);
    default:
      throw new Unconvertible(`Rows of the format ${format.name} cannot be converted.`);
  }
}

function readConversation(row: JsonObject, { format, layout }: Dialect, lost: Set<string>): Content {
  const messages = readMessages(valueAt(row, partPath(layout, "messages")), format.id, lost);
  const system = textOf(row, layout, "system");
  const withSystem = system === "" ? messages : [plainMessage("system", system), ...messages];
  return { kind: "conversation", messages: withSystem, tools: valueAt(row, partPath(layout, "tools")) };
}

/** The chosen answer after its prompt. */
function readPreference(row: JsonObject, { layout }: Dialect, lost: Set<string>): Content {
  lost.add("the rejected answer");
  const prompt = valueAt(row, partPath(layout, "prompt"));
  const chosen = valueAt(row, partPath(layout, "chosen"));
  if (typeof prompt === "string" && typeof chosen === "string")
    return { kind: "completion", prompt, completion: chosen };
  const answer = messagesOf(chosen, "assistant", lost);
  if (!answer.some(({ role }) => role === "assistant")) throw new Unconvertible("The row has no chosen answer.");
  // Often the chosen conversation holds the prompt already.
  const isWhole = answer.some(({ role }) => role === "user");
  const messages = isWhole ? answer : [...messagesOf(prompt, "user", lost), ...answer];
  return { kind: "conversation", messages, tools: undefined };
}

/** Messages of a text, of one message or of several, in either way of writing them. */
function messagesOf(value: unknown, role: "user" | "assistant", lost: Set<string>): Message[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [plainMessage(role, value)];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const first = list[0];
  return readMessages(list, isRecord(first) && "from" in first ? "sharegpt" : "chat", lost);
}

function readMessages(value: unknown, formatId: string, lost: Set<string>): Message[] {
  const messages = value as JsonObject[];
  const { role: roleKey, content: contentKey } = formatId === "chat" ? CHAT_KEYS : SHARE_GPT_KEYS;
  const roles = rolesOf(messages, formatId);
  return messages.map((message, index) => {
    const role = roles[index]!;
    const { [roleKey]: spelled, [contentKey]: content, tool_calls, function_call, ...extra } = message;
    const calls = formatId === "chat" ? chatCalls(tool_calls, function_call, lost) : shareGptCalls(spelled, content);
    // What was read as a call is no text as well.
    const text = formatId !== "chat" && calls.length > 0 ? "" : contentText(content, lost);
    return { role, content: text, calls, extra };
  });
}

const CHAT_KEYS = { role: "role", content: "content" };
const SHARE_GPT_KEYS = { role: "from", content: "value" };

/** The roles that the format sees behind the names in a file. */
function rolesOf(messages: JsonObject[], formatId: string): ChatRole[] {
  const format = formatById(formatId);
  const problem = format
    .check({ messages }, { messages: ["messages"] })
    .find(({ check }) => check === "unknown-role" || check === "wrong-type" || check === "missing-field");
  if (problem !== undefined) throw new Unconvertible(problem.message);
  const sample = format.read({ messages }, { messages: ["messages"] }) as ChatSample;
  return sample.messages.map(({ role }) => role);
}

function contentText(content: unknown, lost: Set<string>): string {
  if (!Array.isArray(content)) return typeof content === "string" ? content : "";
  if (content.length > 1) lost.add("how a message is divided into parts");
  return content.map((part: { text: string }) => part.text).join("");
}

function chatCalls(toolCalls: unknown, functionCall: unknown, lost: Set<string>): ToolCall[] {
  const listed = Array.isArray(toolCalls) ? toolCalls : isRecord(functionCall) ? [{ function: functionCall }] : [];
  return listed.map((call: unknown) => {
    const called = isRecord(call) && isRecord(call.function) ? call.function : call;
    if (!isRecord(called) || typeof called.name !== "string") {
      throw new Unconvertible("A tool call names no function: it cannot be converted.");
    }
    if (isRecord(call) && call.id !== undefined) lost.add("the ids of tool calls");
    return { name: called.name, arguments: called.arguments ?? called.parameters ?? {} };
  });
}

/** {"from": "function_call", "value": "{\"name\": …, \"arguments\": …}"}, or a list of such calls. */
function shareGptCalls(spelled: unknown, content: unknown): ToolCall[] {
  if (spelled !== "function_call" && spelled !== "tool_call") return [];
  const parsed = parsedOrUndefined(content);
  const listed: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  const calls = listed.flatMap((call) =>
    isRecord(call) && typeof call.name === "string"
      ? [{ name: call.name, arguments: call.arguments ?? call.parameters ?? {} }]
      : [],
  );
  // A call in words of its own stays a text.
  return calls.length === listed.length ? calls : [];
}

function parsedOrUndefined(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

function plainMessage(role: Message["role"], content: string): Message {
  return { role, content, calls: [], extra: {} };
}
