import type { TextPart } from "../checks/textPart";
import type { RowPath, RowProblem } from "../problem";
import type { ChatMessage, ChatRole } from "../sample";
import { isRecord } from "../specialTokens";
import {
  blankProblem,
  checkTextField,
  has,
  isBlank,
  missingField,
  type TextField,
  textProblem,
  typeName,
  wrongType,
} from "./fields";
import type { Dialect, Format, JsonObject, Layout } from "./format";
import { partPath, valueAt } from "./layout";
import { checkTurns, type Turn } from "./turns";

/** Roles by the names that files give them. */
const ROLES: Readonly<Record<string, ChatRole>> = {
  system: "system",
  developer: "system",
  user: "user",
  human: "user",
  assistant: "assistant",
  gpt: "assistant",
  model: "assistant",
  chatgpt: "assistant",
  function_call: "assistant",
  tool_call: "assistant",
  tool: "tool",
  function: "tool",
  observation: "tool",
  ipython: "tool",
  tool_response: "tool",
  function_response: "tool",
};

const CALLS: ReadonlySet<string> = new Set(["function_call", "tool_call"]);

/** How the messages of a format name what they hold. */
interface MessageKeys {
  role: string;
  content: string;
  /** Shown where a role is unknown. */
  roles: string;
}

const CHAT: MessageKeys = { role: "role", content: "content", roles: '"system", "user", "assistant" or "tool"' };
const SHARE_GPT: MessageKeys = { role: "from", content: "value", roles: '"system", "human", "gpt" or "tool"' };

/** {"messages": [{"role", "content"}, …]}, tool calls included. */
export const chat: Format = conversationFormat(CHAT, {
  id: "chat",
  name: "Chat messages",
  example: '{"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}',
  spellings: ["messages", "conversations", "conversation", "dialogue", "chat"],
  optional: [
    { name: "system", spellings: ["system"], required: false },
    { name: "tools", spellings: ["tools", "functions"], required: false },
  ],
});

/** {"conversations": [{"from", "value"}, …]}. */
export const shareGpt: Format = conversationFormat(SHARE_GPT, {
  id: "sharegpt",
  name: "ShareGPT",
  example: '{"conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}]}',
  spellings: ["conversations", "conversation", "messages"],
  optional: [
    { name: "system", spellings: ["system"], required: false },
    { name: "tools", spellings: ["tools", "functions"], required: false },
  ],
});

interface ConversationFormat extends Pick<Format, "id" | "name" | "example"> {
  spellings: readonly string[];
  optional: Format["parts"];
}

function conversationFormat(keys: MessageKeys, about: ConversationFormat): Format {
  const { id, name, example, spellings, optional } = about;
  return {
    id,
    name,
    shape: "chat",
    example,
    untrainable: null,
    parts: [
      { name: "messages", spellings, required: true, accepts: (value) => !speaksOtherwise(value, keys) },
      ...optional,
    ],
    check: (row, layout) => checkConversation(row, layout, keys),
    read: (row, layout) => ({ shape: "chat", messages: readMessages(row, layout, keys) }),
    texts: (row, layout) => conversationTexts(row, layout, keys),
  };
}

/** Whether the first message uses the other format's keys: both call their messages by the same names. */
function speaksOtherwise(value: unknown, keys: MessageKeys): boolean {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  if (!isRecord(first) || has(first, keys.role)) return false;
  return has(first, keys === CHAT ? SHARE_GPT.role : CHAT.role);
}

function checkConversation(row: JsonObject, layout: Layout, keys: MessageKeys): RowProblem[] {
  const path = partPath(layout, "messages");
  const messages = valueAt(row, path);
  if (messages === undefined) {
    return [missingField(path.slice(0, -1), String(path.at(-1)), "the conversation's messages")];
  }
  if (!Array.isArray(messages)) {
    return [wrongType(messages, path, `an array of {"${keys.role}", "${keys.content}"}`)];
  }
  const problems = [
    ...checkTextField(row, partPath(layout, "system"), {
      use: "the system message",
      absent: "allowed",
      blank: "allowed",
    }),
    ...messages.flatMap((message, index) => checkMessage(row, message, [...path, index], keys)),
  ];
  if (problems.length > 0) return problems;
  const order = checkTurns(
    messages.map((message: JsonObject) => turnOf(message, keys)),
    path,
    keys.role,
  );
  return order.length > 0 ? order : checkLearned(messages as JsonObject[], path, keys);
}

function checkMessage(row: JsonObject, message: unknown, path: RowPath, keys: MessageKeys): RowProblem[] {
  if (!isRecord(message)) return [wrongType(message, path, `an object with "${keys.role}" and "${keys.content}"`)];
  const roleProblem = checkRole(message, path, keys);
  const role = ROLES[String(message[keys.role])];
  const contentPath = [...path, keys.content];
  const calls = toolCalls(message).length > 0;
  const blank = calls ? "allowed" : role === "assistant" ? "empty-answer" : "empty-instruction";
  const field = {
    use: "the message's text",
    absent: calls ? "allowed" : "problem",
    // A tool may return nothing, and many data sets have an empty system message in each conversation.
    blank: role === "tool" || role === "system" ? "allowed" : blank,
  } as const;
  const content = message[keys.content];
  if (Array.isArray(content)) return [...roleProblem, ...checkContentParts(content, contentPath, field)];
  return [...roleProblem, ...checkTextField(row, contentPath, field)];
}

function checkRole(message: JsonObject, parent: RowPath, keys: MessageKeys): RowProblem[] {
  if (!has(message, keys.role)) return [missingField(parent, keys.role, keys.roles)];
  const path = [...parent, keys.role];
  const role = message[keys.role];
  const problem = textProblem(role, path);
  if (problem !== null) return [problem];
  if (Object.hasOwn(ROLES, role as string)) return [];
  const shown = JSON.stringify(role).slice(0, 60);
  const field = path.slice(0, -2).join(".");
  const where = `"${field}[${String(path.at(-2))}].${keys.role}"`;
  return [{ check: "unknown-role", message: `${where} is ${shown}: it must be ${keys.roles}.`, path }];
}

/** OpenAI's content as a list of parts: texts alone can be learned. */
function checkContentParts(parts: readonly unknown[], path: RowPath, field: TextField): RowProblem[] {
  let blank = true;
  for (const [index, part] of parts.entries()) {
    if (isRecord(part) && typeof part.text === "string") {
      const problem = textProblem(part.text, [...path, index, "text"]);
      if (problem !== null) return [problem];
      blank &&= isBlank(part.text);
      continue;
    }
    const kind = isRecord(part) && typeof part.type === "string" ? `of type "${part.type}"` : typeName(part);
    return [
      {
        check: "wrong-type",
        message: `A part of the message's content is ${kind}: only {"type": "text", "text": …} can be learned.`,
        path: [...path, index],
      },
    ];
  }
  return blank ? blankProblem(path, field) : [];
}

/** An assistant's message with "weight": 0 (OpenAI) or "train": false (Axolotl) is shown but not learned. */
function isUnlearned(message: JsonObject): boolean {
  return message.weight === 0 || message.train === false;
}

function checkLearned(messages: readonly JsonObject[], path: RowPath, keys: MessageKeys): RowProblem[] {
  const answers = messages.filter((message) => turnOf(message, keys).role === "assistant");
  if (!answers.every(isUnlearned)) return [];
  const message = 'Every answer has "weight": 0 or "train": false, so nothing of the row is learned: let one count.';
  return [{ check: "all-masked", message, path }];
}

function turnOf(message: JsonObject, keys: MessageKeys): Turn {
  const spelled = String(message[keys.role]);
  return { role: ROLES[spelled]!, spelled, calls: CALLS.has(spelled) || toolCalls(message).length > 0 };
}

function readMessages(row: JsonObject, layout: Layout, keys: MessageKeys): ChatMessage[] {
  const messages = (valueAt(row, partPath(layout, "messages")) as JsonObject[])
    .map((message) => {
      const { role } = turnOf(message, keys);
      const read: ChatMessage = { role, content: contentOf(message, keys) };
      if (role === "assistant" && isUnlearned(message)) read.unlearned = true;
      return read;
    })
    .filter(({ role, content }) => role !== "system" || !isBlank(content));
  const preamble = systemPreamble(row, layout);
  if (preamble === "") return messages;
  if (messages[0]?.role !== "system") return [{ role: "system", content: preamble }, ...messages];
  return [{ ...messages[0], content: `${preamble}\n\n${messages[0].content}` }, ...messages.slice(1)];
}

/** What stands beside the messages and the model must see: a system text, and the tools that it may call. */
function systemPreamble(row: JsonObject, layout: Layout): string {
  const system = valueAt(row, partPath(layout, "system"));
  const tools = valueAt(row, partPath(layout, "tools"));
  const listed = typeof tools === "string" ? tools : Array.isArray(tools) ? JSON.stringify(tools) : "";
  const shown = listed.trim() === "" || listed.trim() === "[]" ? "" : `You can call these functions:\n${listed}`;
  return [typeof system === "string" ? system : "", shown].filter((text) => text !== "").join("\n\n");
}

function contentOf(message: JsonObject, keys: MessageKeys): string {
  const content = message[keys.content];
  const text = Array.isArray(content)
    ? content.map((part: { text: string }) => part.text).join("")
    : ((content as string | null | undefined) ?? "");
  return [text, ...toolCalls(message).map(callText)].filter((piece) => piece !== "").join("\n");
}

function toolCalls(message: JsonObject): unknown[] {
  if (Array.isArray(message.tool_calls)) return message.tool_calls;
  return isRecord(message.function_call) ? [{ function: message.function_call }] : [];
}

/** A call as Llama 3.1 writes it. */
function callText(call: unknown): string {
  const called = isRecord(call) && isRecord(call.function) ? call.function : call;
  if (!isRecord(called)) return JSON.stringify(call);
  const given = called.arguments ?? called.parameters;
  return JSON.stringify({ name: called.name, parameters: typeof given === "string" ? parsedOr(given) : given });
}

function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const PART_ROLES: Record<ChatRole, TextPart["role"]> = {
  system: "system",
  user: "instruction",
  assistant: "answer",
  tool: "context",
};

function conversationTexts(row: JsonObject, layout: Layout, keys: MessageKeys): TextPart[] {
  const path = partPath(layout, "messages");
  const texts: TextPart[] = [];
  const system = valueAt(row, partPath(layout, "system"));
  if (typeof system === "string") texts.push({ path: partPath(layout, "system"), text: system, role: "system" });
  for (const [index, message] of (valueAt(row, path) as JsonObject[]).entries()) {
    const { role, calls, spelled } = turnOf(message, keys);
    const content = message[keys.content];
    const at = [...path, index, keys.content];
    // The text of a call is JSON, not an answer in words or Python.
    const as = calls && CALLS.has(spelled) ? "context" : PART_ROLES[role];
    if (typeof content === "string") texts.push({ path: at, text: content, role: as });
    if (!Array.isArray(content)) continue;
    for (const [part, { text }] of (content as { text: string }[]).entries()) {
      texts.push({ path: [...at, part, "text"], text, role: as });
    }
  }
  return texts;
}

/** The keys under which a conversation's messages name speaker and text. */
export function messageKeys({ format }: Dialect): { role: string; content: string } | null {
  if (format === chat) return CHAT;
  return format === shareGpt ? SHARE_GPT : null;
}
