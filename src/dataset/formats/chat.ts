import type { RowProblem } from "../problem";
import type { ChatMessage, ChatRole } from "../sample";
import { checkTextField, has, missingField, textProblem, typeName } from "./fields";
import type { Format, JsonObject } from "./format";

const roles: readonly string[] = ["system", "user", "assistant"] satisfies ChatRole[];

/** {"messages": [{"role", "content"}, …]}: an optional system message, then user and assistant in turn, assistant last. */
export const chat: Format = {
  id: "chat",
  name: "Chat messages",
  shape: "chat",
  example: '{"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}',
  resemblance: (row) => Number(has(row, "messages")),
  check: checkChat,
  read: (row) => ({
    shape: "chat",
    messages: (row.messages as ChatMessage[]).map(({ role, content }) => ({ role, content })),
  }),
};

function checkChat(row: JsonObject): RowProblem[] {
  if (!has(row, "messages")) return [missingField([], "messages", "the conversation's messages")];
  const messages = row.messages;
  if (!Array.isArray(messages)) {
    return [
      {
        reason: "wrong-type",
        message: `"messages" is ${typeName(messages)}: it must be an array of {"role", "content"}.`,
        path: ["messages"],
      },
    ];
  }
  const problems = messages.flatMap((message, index) => checkMessage(message, index));
  return problems.length > 0 ? problems : checkOrder(messages as ChatMessage[]);
}

function checkMessage(message: unknown, index: number): RowProblem[] {
  const path = ["messages", index];
  if (message === null || typeof message !== "object" || Array.isArray(message)) {
    return [
      {
        reason: "wrong-type",
        message: `"messages[${index}]" is ${typeName(message)}: it must be an object with "role" and "content".`,
        path,
      },
    ];
  }
  const object = message as JsonObject;
  const blank = object.role === "assistant" ? "empty-answer" : "empty-instruction";
  return [
    ...checkRole(object, index),
    ...checkTextField(object, "content", { use: "the message's text", absent: "problem", blank }, path),
  ];
}

function checkRole(message: JsonObject, index: number): RowProblem[] {
  const parent = ["messages", index];
  if (!has(message, "role")) return [missingField(parent, "role", '"system", "user" or "assistant"')];
  const path = [...parent, "role"];
  const problem = textProblem(message.role, path);
  if (problem !== null) return [problem];
  if (roles.includes(message.role as string)) return [];
  return [
    {
      reason: "wrong-type",
      message: `"messages[${index}].role" is ${JSON.stringify(message.role)}: it must be "system", "user" or "assistant".`,
      path,
    },
  ];
}

function checkOrder(messages: ChatMessage[]): RowProblem[] {
  if (!messages.some((message) => message.role === "assistant")) {
    return [
      {
        reason: "no-assistant-turn",
        message: '"messages" has no "assistant" message: there is no answer to learn; add one.',
        path: ["messages"],
      },
    ];
  }
  const start = messages[0]!.role === "system" ? 1 : 0;
  for (let index = start; index < messages.length; index++) {
    const expected: ChatRole = (index - start) % 2 === 0 ? "user" : "assistant";
    const { role } = messages[index]!;
    if (role !== expected) {
      return [
        {
          reason: "roles-order",
          message: `"messages[${index}]" is from "${role}" where "${expected}" is expected: after an optional "system" message, "user" and "assistant" take turns.`,
          path: ["messages", index, "role"],
        },
      ];
    }
  }
  const last = messages.length - 1;
  if (messages[last]!.role === "assistant") return [];
  return [
    {
      reason: "roles-order",
      message: `"messages[${last}]" is the last and from "user": the conversation must end with an "assistant" message; remove it or answer it.`,
      path: ["messages", last, "role"],
    },
  ];
}
