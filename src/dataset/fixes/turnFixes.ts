import { messageKeys } from "../formats/chat";
import { closestName } from "../formats/spelling";
import { type JsonNode, memberOf, nodeAt, parseJson, stringValue } from "../json";
import { applyEdits, difference, stringAt, withoutParts } from "./edits";
import type { Proposal, Row, RowFix, TextEdit } from "./fix";

/** Conversations: who speaks, and in which order. */

type ArrayNode = JsonNode & { kind: "array" };

/** Names that files give speakers and that formats do not know: the first of each list is the format's own. */
const SPEAKERS = {
  role: { system: "system", user: "user", assistant: "assistant", tool: "tool" },
  from: { system: "system", user: "human", assistant: "gpt", tool: "tool" },
} as const;
const ALIASES: Readonly<Record<string, "system" | "user" | "assistant" | "tool">> = {
  system: "system",
  sys: "system",
  instructions: "system",
  user: "user",
  human: "user",
  prompter: "user",
  customer: "user",
  client: "user",
  questioner: "user",
  assistant: "assistant",
  gpt: "assistant",
  bot: "assistant",
  chatbot: "assistant",
  ai: "assistant",
  agent: "assistant",
  bing: "assistant",
  bard: "assistant",
  claude: "assistant",
  llm: "assistant",
  tool: "tool",
  tools: "tool",
};

export const renameRole: RowFix = {
  id: "rename-role",
  checks: ["unknown-role"],
  title: "Give the speakers their usual roles",
  safe: true,
  propose({ tree, text, dialect }, finding) {
    const keys = dialect && messageKeys(dialect);
    const node = tree && stringAt(tree, finding.offset);
    if (!keys || !node || !isSpeakerKey(keys.role)) return null;
    const spelled = stringValue(text, node).trim().toLowerCase();
    const known = Object.hasOwn(ALIASES, spelled)
      ? spelled
      : closestName(
          spelled,
          Object.keys(ALIASES).filter((alias) => alias.length > 3),
        );
    if (known === null) return null;
    const role = SPEAKERS[keys.role][ALIASES[known]!];
    const change = [{ offset: node.offset, length: node.length, text: JSON.stringify(role) }];
    return { title: `Change the role to "${role}"`, change, certain: Object.hasOwn(ALIASES, spelled) };
  },
};

function isSpeakerKey(key: string): key is keyof typeof SPEAKERS {
  return Object.hasOwn(SPEAKERS, key);
}

export const orderTurns: RowFix = {
  id: "order-turns",
  checks: ["role-order"],
  title: "Put system messages first and join turns of one speaker",
  safe: false,
  propose(row) {
    const moved = systemFirst(row);
    if (moved !== null && isOrdered(row, moved)) return proposal(row, moved, "Move the system message to the front");
    const joined = joinTurns(row, row.text);
    if (joined !== null && isOrdered(row, joined)) {
      return proposal(row, joined, "Join the turns of one speaker that follow each other");
    }
    const both = moved === null ? null : joinTurns(row, moved);
    return both !== null && isOrdered(row, both) ? proposal(row, both, orderTurns.title) : null;
  },
};

export const removeLastTurn: RowFix = {
  id: "remove-last-turn",
  checks: ["last-turn-not-assistant"],
  title: "Remove the turns after the last answer",
  safe: false,
  propose(row) {
    const array = messagesOf(row, row.text);
    if (array === null) return null;
    const { items } = array;
    for (let kept = items.length - 1; kept > 0 && kept >= items.length - MOST_REMOVED; kept--) {
      const removed = items.map((_, index) => index).slice(kept);
      const change = withoutParts(items, removed);
      if (!isOrdered(row, applyEdits(row.text, change))) continue;
      const title = removed.length === 1 ? "Remove the last turn" : `Remove the last ${removed.length} turns`;
      return { title, change, certain: true };
    }
    return null;
  },
};

/** Tools' results may follow a call in any number. */
const MOST_REMOVED = 32;

/** Lets the last answer count that "weight" or "train" keeps from being learned. */
export const learnLastAnswer: RowFix = {
  id: "learn-last-answer",
  checks: ["all-masked"],
  title: "Let the last answer of each row be learned",
  safe: false,
  propose(row) {
    const array = messagesOf(row, row.text);
    const last = array?.items.at(-1);
    if (row.tree === null || last?.kind !== "object") return null;
    const change: TextEdit[] = [];
    for (const [key, learned] of [
      ["weight", "1"],
      ["train", "true"],
    ] as const) {
      const value = memberOf(row.tree, last, key)?.value;
      if (value) change.push({ offset: value.offset, length: value.length, text: learned });
    }
    change.sort((a, b) => a.offset - b.offset);
    return change.length === 0 ? null : { title: "Let the last answer be learned", change, certain: false };
  },
};

function proposal(row: Row, after: string, title: string): Proposal | null {
  const edit = difference(row.text, after);
  return edit && { title, change: [edit], certain: false };
}

/** Whether the row then has no problem of structure. */
function isOrdered({ dialect }: Row, text: string): boolean {
  return dialect !== null && dialect.format.check(JSON.parse(text), dialect.layout).length === 0;
}

function messagesOf({ dialect }: Row, text: string): ArrayNode | null {
  const result = parseJson(text);
  const path = dialect && messageKeys(dialect) && dialect.layout.messages;
  const node = result.ok && path ? nodeAt(result, path) : null;
  return node?.kind === "array" ? node : null;
}

interface Message {
  node: JsonNode;
  role: string;
  /** Null where there is more to the message than its text. */
  content: JsonNode | null;
}

function readMessages(row: Row, text: string): Message[] | null {
  const result = parseJson(text);
  const keys = row.dialect && messageKeys(row.dialect);
  const array = messagesOf(row, text);
  if (!result.ok || !keys || array === null) return null;
  return array.items.map((node) => {
    const role = node.kind === "object" ? memberOf(result, node, keys.role)?.value : undefined;
    const content = node.kind === "object" ? memberOf(result, node, keys.content)?.value : undefined;
    const plain = node.kind === "object" && node.members.length === 2 && content?.kind === "string";
    return {
      node,
      role: role?.kind === "string" ? stringValue(text, role) : "",
      content: plain ? content : null,
    };
  });
}

/** The line with its system messages first; what stands between messages stays where it is. */
function systemFirst(row: Row): string | null {
  const messages = readMessages(row, row.text);
  if (messages === null) return null;
  const isSystem = ({ role }: Message) => role === "system" || role === "developer";
  const ordered = [...messages.filter(isSystem), ...messages.filter((message) => !isSystem(message))];
  if (ordered.every((message, index) => message === messages[index])) return null;
  const edits = messages.map(({ node }, index) => {
    const other = ordered[index]!.node;
    return {
      offset: node.offset,
      length: node.length,
      text: row.text.slice(other.offset, other.offset + other.length),
    };
  });
  return applyEdits(row.text, edits);
}

/** The line with turns of one speaker that follow each other made one, a blank line between their texts. */
function joinTurns(row: Row, text: string): string | null {
  const messages = readMessages(row, text);
  if (messages === null) return null;
  const edits: TextEdit[] = [];
  let target = messages[0];
  for (let index = 1; index < messages.length; index++) {
    const message = messages[index]!;
    if (target?.content && message.content && message.role === target.role && message.role !== "system") {
      const { content, node } = message;
      const inner = text.slice(content.offset + 1, content.offset + content.length - 1);
      const closingQuote = target.content.offset + target.content.length - 1;
      const before = messages[index - 1]!.node;
      const from = before.offset + before.length;
      edits.push({ offset: closingQuote, length: 0, text: `\\n\\n${inner}` });
      edits.push({ offset: from, length: node.offset + node.length - from, text: "" });
    } else target = message;
  }
  if (edits.length === 0) return null;
  // Texts that go to one place keep their order: the sort is stable.
  return applyEdits(
    text,
    edits.sort((a, b) => a.offset - b.offset),
  );
}
