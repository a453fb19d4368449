import type { FormatId } from "../../protocol/run";
import type { JsonObject } from "../formats/format";
import type { ChatRole } from "../sample";
import { type Content, type Message, type ToolCall, Unconvertible } from "./content";

/** The parts of a row, by their names in the format. An absent part is undefined. */
export type Parts = Record<string, unknown>;

/** The content as the format's parts; what it cannot keep is added to `lost`. Throws Unconvertible. */
export function writeContent(content: Content, to: FormatId, lost: Set<string>): Parts {
  switch (to) {
    case "alpaca":
      return writeInstruction(instructionOf(content, lost));
    case "prompt-completion":
      return completionOf(content, lost);
    case "chat":
      return writeConversation(conversationOf(content, lost), (message) => chatMessage(message));
    case "sharegpt":
      return writeConversation(conversationOf(content, lost), (message) => shareGptMessage(message, lost));
    case "text":
      return { text: textOfContent(content, lost) };
    case "fim":
      return fimOf(content);
    default:
      throw new Unconvertible(`Rows cannot be converted to the format ${to}.`);
  }
}

type Instruction = Extract<Content, { kind: "instruction" }>;
type Conversation = Extract<Content, { kind: "conversation" }>;

function writeInstruction({ system, instruction, input, answer }: Instruction): Parts {
  return { system: system || undefined, instruction, input: input || undefined, answer };
}

function instructionOf(content: Content, lost: Set<string>): Instruction {
  switch (content.kind) {
    case "instruction":
      return content;
    case "completion":
      if (content.prompt.trim() === "") throw new Unconvertible("The row has no prompt that could be the instruction.");
      return { kind: "instruction", system: "", instruction: content.prompt, input: "", answer: content.completion };
    case "conversation": {
      const { system, user, answer } = singleTurn(content, lost);
      return { kind: "instruction", system, instruction: user, input: "", answer };
    }
    default:
      throw new Unconvertible(`The row is ${named[content.kind]}: it has no instruction.`);
  }
}

const named: Record<Content["kind"], string> = {
  instruction: "an instruction",
  completion: "a prompt with its completion",
  text: "a plain text",
  fim: "a text with a gap",
  conversation: "a conversation",
};

/** A conversation of one question and one answer, which is all that a row without messages can hold. */
function singleTurn(
  { messages, tools }: Conversation,
  lost: Set<string>,
): { system: string; user: string; answer: string } {
  const spoken = messages.filter(({ role }) => role !== "system");
  if (spoken.some(({ role, calls }) => role === "tool" || calls.length > 0)) {
    throw new Unconvertible("The conversation calls tools: only messages can hold that.");
  }
  const [user, answer] = spoken;
  if (spoken.length !== 2 || user!.role !== "user" || answer!.role !== "assistant") {
    const count = spoken.filter(({ role }) => role === "assistant").length;
    throw new Unconvertible(
      `The conversation is not one question with its answer (${count} answer${count === 1 ? "" : "s"}): only messages can hold that.`,
    );
  }
  if (tools !== undefined) lost.add("the list of tools");
  for (const { extra } of messages) for (const key of Object.keys(extra)) lost.add(`the messages' field "${key}"`);
  const system = messages.filter(({ role }) => role === "system").map(({ content }) => content);
  return { system: system.join("\n\n"), user: user!.content, answer: answer!.content };
}

function completionOf(content: Content, lost: Set<string>): { prompt: string; completion: string } {
  switch (content.kind) {
    case "completion":
      return { prompt: content.prompt, completion: content.completion };
    case "text":
      return { prompt: "", completion: content.text };
    case "fim":
      if (content.suffix !== "") lost.add("what stands after the gap");
      return { prompt: content.prefix, completion: content.middle };
    default: {
      const { system, instruction, input, answer } = instructionOf(content, lost);
      if (system !== "") lost.add("what is the system text and what the prompt");
      if (input !== "") lost.add("what is the instruction and what its input");
      return { prompt: joined(system, instruction, input), completion: answer };
    }
  }
}

function conversationOf(content: Content, lost: Set<string>): Conversation {
  if (content.kind === "conversation") return content;
  const { system, instruction, input, answer } = instructionOf(content, lost);
  if (input !== "") lost.add("what is the instruction and what its input");
  const messages = [message("user", joined(instruction, input)), message("assistant", answer)];
  if (system !== "") messages.unshift(message("system", system));
  return { kind: "conversation", messages, tools: undefined };
}

function textOfContent(content: Content, lost: Set<string>): string {
  switch (content.kind) {
    case "text":
      return content.text;
    case "fim":
      lost.add("where the gap is");
      return content.prefix + content.middle + content.suffix;
    case "completion":
      if (content.prompt !== "") lost.add("what is the prompt and what the answer");
      return content.prompt + content.completion;
    default: {
      const { prompt, completion } = completionOf(content, lost);
      lost.add("what is the prompt and what the answer");
      return joined(prompt, completion);
    }
  }
}

function fimOf(content: Content): Parts {
  if (content.kind === "fim") return { prefix: content.prefix, suffix: content.suffix, middle: content.middle };
  // Nothing stands after the gap.
  if (content.kind === "completion") return { prefix: content.prompt, suffix: "", middle: content.completion };
  throw new Unconvertible(`The row is ${named[content.kind]}: nothing in it says what stands around a gap.`);
}

function writeConversation({ messages, tools }: Conversation, write: (message: Message) => JsonObject): Parts {
  return { messages: messages.map(write), tools };
}

function chatMessage({ role, content, calls, extra }: Message): JsonObject {
  if (calls.length === 0) return { role, content, ...extra };
  const tool_calls = calls.map((call) => ({
    type: "function",
    function: { name: call.name, arguments: argumentsText(call) },
  }));
  return { role, content, tool_calls, ...extra };
}

/** OpenAI writes arguments as a JSON text. */
function argumentsText(call: ToolCall): string {
  return typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments);
}

const shareGptRoles: Record<ChatRole, string> = {
  system: "system",
  user: "human",
  assistant: "gpt",
  tool: "observation",
};

function shareGptMessage({ role, content, calls, extra }: Message, lost: Set<string>): JsonObject {
  if (calls.length === 0) return { from: shareGptRoles[role], value: content, ...extra };
  if (content !== "") lost.add("the text beside a tool call");
  const values = calls.map((call) => ({ name: call.name, arguments: argumentsValue(call) }));
  return { from: "function_call", value: JSON.stringify(values.length === 1 ? values[0] : values), ...extra };
}

function argumentsValue(call: ToolCall): unknown {
  if (typeof call.arguments !== "string") return call.arguments;
  try {
    return JSON.parse(call.arguments);
  } catch {
    return call.arguments;
  }
}

function message(role: ChatRole, content: string): Message {
  return { role, content, calls: [], extra: {} };
}

function joined(...texts: string[]): string {
  return texts.filter((text) => text !== "").join("\n\n");
}
