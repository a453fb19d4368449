import type { RowPath, RowProblem } from "../problem";
import type { ChatRole } from "../sample";
import { fieldName } from "./fields";

/** Who speaks after whom: optional system messages, then user and assistant in turn, tools answering calls, assistant last. */

/** One message as the order of turns sees it. */
export interface Turn {
  role: ChatRole;
  /** As the file spells it. */
  spelled: string;
  /** An assistant's message that calls tools. */
  calls: boolean;
}

/** `path` leads to the array of messages, `roleKey` from a message to its role. */
export function checkTurns(turns: readonly Turn[], path: RowPath, roleKey: string): RowProblem[] {
  const name = fieldName(path);
  if (!turns.some(({ role }) => role === "assistant")) {
    const message = `"${name}" has no "assistant" message: there is no answer to learn; add one.`;
    return [{ check: "no-assistant-turn", message, path }];
  }
  let start = 0;
  while (turns[start]!.role === "system") start++;
  for (let index = start; index < turns.length; index++) {
    const allowed = allowedAfter(index === start ? undefined : turns[index - 1]);
    const { role, spelled } = turns[index]!;
    if (allowed.includes(role)) continue;
    const expected = allowed.map((known) => `"${known}"`).join(" or ");
    const message = `"${name}[${index}]" is from "${spelled}" where ${expected} is expected: after an optional "system" message, "user" and "assistant" take turns.`;
    return [{ check: "role-order", message, path: [...path, index, roleKey] }];
  }
  const last = turns.length - 1;
  if (turns[last]!.role === "assistant") return [];
  const message = `"${name}[${last}]" is the last and from "${turns[last]!.spelled}": the conversation must end with an "assistant" message; remove it or answer it.`;
  return [{ check: "last-turn-not-assistant", message, path: [...path, last, roleKey] }];
}

function allowedAfter(previous: Turn | undefined): readonly ChatRole[] {
  if (previous === undefined) return ["user"];
  switch (previous.role) {
    case "assistant":
      return previous.calls ? ["tool", "user"] : ["user"];
    case "tool":
      return ["assistant", "tool"];
    default:
      return ["assistant"];
  }
}
