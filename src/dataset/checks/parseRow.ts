import { hasRepeatedKey, parseJson } from "../json";
import { type Finding, visible } from "./finding";

/** A line's value with what is wrong with its JSON. */
export type ParsedRow =
  | { kind: "blank" }
  | { kind: "invalid"; syntax: Finding[] }
  | { kind: "value"; value: unknown; syntax: readonly Finding[] };

const BLANK = /^[ \t\r]*$/;
const NONE: readonly Finding[] = [];

/** Most lines are told by their first character. */
export function isBlankLine(text: string): boolean {
  return (text.length === 0 || text.charCodeAt(0) <= 0x20) && BLANK.test(text);
}

export function parseRow(text: string): ParsedRow {
  const parsed = parseValue(text);
  if (parsed.kind !== "value" || !hasRepeatedKey(text, parsed.value)) return parsed;
  return { ...parsed, syntax: repeatedKeys(text) };
}

/** JSON.parse decides; the parser with positions is asked only where there is something to point at. */
export function parseValue(text: string): ParsedRow {
  if (isBlankLine(text)) return { kind: "blank" };
  try {
    return { kind: "value", value: JSON.parse(text), syntax: NONE };
  } catch {
    return { kind: "invalid", syntax: [syntaxFinding(text)] };
  }
}

function syntaxFinding(text: string): Finding {
  const result = parseJson(text);
  const error = result.ok ? { offset: 0, length: text.length, message: "The row is not valid JSON" } : result.error;
  return { check: "json-syntax", message: `${error.message}.`, ...visible(error, text) };
}

function repeatedKeys(text: string): Finding[] {
  const result = parseJson(text);
  if (!result.ok) return [];
  return result.duplicateKeys.map(({ key, offset, length }) => ({
    check: "duplicate-key",
    message: `The key ${JSON.stringify(key.slice(0, 60))} occurs twice in this object: only the last one counts; remove one.`,
    offset,
    length,
  }));
}
