import type { JsonObject } from "../formats/format";
import type { ChatRole } from "../sample";

/** What a row says, with all that another format could keep of it. */
export type Content =
  | { kind: "instruction"; system: string; instruction: string; input: string; answer: string }
  | { kind: "completion"; prompt: string; completion: string }
  | { kind: "text"; text: string }
  | { kind: "fim"; prefix: string; suffix: string; middle: string }
  | { kind: "conversation"; messages: Message[]; tools: unknown };

export interface Message {
  role: ChatRole;
  content: string;
  calls: ToolCall[];
  /** The message's other fields. */
  extra: JsonObject;
}

export interface ToolCall {
  name: string;
  /** A JSON text, or the value that it stands for. */
  arguments: unknown;
}

/** Why a row cannot be written in a format: one sentence for the user. */
export class Unconvertible extends Error {
  override name = "Unconvertible";
}
