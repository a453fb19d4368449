/** What a row is called in lists: the beginning of its instruction. Fast: a file's rows are all named at once. */

import { unitLength } from "../../dataset/checks/finding";
import { messageKeys } from "../../dataset/formats/chat";
import type { Dialect, JsonObject } from "../../dataset/formats/format";
import { partPath } from "../../dataset/formats/layout";

const LONGEST_LABEL = 60;
/** Of a literal so many characters are decoded: white space that is drawn together makes a label shorter. */
const READ = 90;

/** Empty where the row has no such text. `text`: a valid row of the dialect's. */
export function rowLabel(text: string, dialect: Dialect): string {
  const literal = promptLiteral(text, dialect) ?? parsedPrompt(text, dialect);
  const words = /[^\S ]| {2}/.test(literal) ? literal.replace(/\s+/g, " ").trim() : literal.trim();
  if (words.length <= LONGEST_LABEL) return words;
  return `${words.slice(0, LONGEST_LABEL - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** The prompt's beginning without parsing the row; null where it does not stand where it usually does. */
function promptLiteral(text: string, dialect: Dialect): string | null {
  const keys = messageKeys(dialect);
  if (keys) return userText(text, keys);
  const path = partPath(dialect.layout, promptPart(dialect));
  return path.length === 1 ? memberText(text, String(path[0]), 0) : null;
}

function promptPart({ format }: Dialect): string {
  const { name } =
    format.parts.find((part) => part.name === "instruction" || part.name === "prompt") ?? format.parts[0]!;
  return name;
}

function userText(text: string, keys: { role: string; content: string }): string | null {
  const roleKey = `"${keys.role}"`;
  let role = text.indexOf(roleKey);
  while (role >= 0) {
    const next = text.indexOf(roleKey, role + roleKey.length);
    const speaker = memberText(text, keys.role, role);
    if (speaker === "user" || speaker === "human") {
      const content = text.indexOf(`"${keys.content}"`, role);
      return content >= 0 && (next < 0 || content < next) ? memberText(text, keys.content, content) : null;
    }
    role = next;
  }
  return null;
}

/**
 * The string under a key, from the first place where the key stands. A key within a string cannot be taken for one: its
 * quotes are escaped there.
 */
function memberText(text: string, key: string, from: number): string | null {
  const quoted = JSON.stringify(key);
  const at = text.indexOf(quoted, from);
  if (at < 0) return null;
  const opening = /\s*:\s*"/y;
  opening.lastIndex = at + quoted.length;
  if (!opening.test(text)) return null;
  return decodeBeginning(text, opening.lastIndex);
}

/** The decoded beginning of a literal whose first character is at `start`. */
function decodeBeginning(text: string, start: number): string {
  let end = start;
  for (let read = 0; read < READ && end < text.length && text[end] !== '"'; read++) end += unitLength(text, end);
  const piece = text.slice(start, Math.min(end, text.length));
  if (!piece.includes("\\")) return piece;
  try {
    return JSON.parse(`"${piece}"`) as string;
  } catch {
    return piece;
  }
}

function parsedPrompt(text: string, { format, layout }: Dialect): string {
  const texts = format.texts(JSON.parse(text) as JsonObject, layout);
  return (texts.find(({ role }) => role === "instruction") ?? texts[0])?.text ?? "";
}
