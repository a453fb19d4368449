/** Completion in a row that is being written: the format's keys, the messages' keys and roles, whole rows. */

import {
  type CompletionItem,
  CompletionItemKind,
  InsertTextFormat,
  type Position,
  type Range,
} from "vscode-languageserver";
import { messageKeys } from "../../dataset/formats/chat";
import { canonicalDialect } from "../../dataset/formats/detect";
import type { Dialect, Part } from "../../dataset/formats/format";
import { partPath } from "../../dataset/formats/layout";
import { formats } from "../../dataset/formats/registry";
import type { Feature, ServerContext } from "../feature";
import type { JsonlDocument } from "../jsonlDocument";
import { type CompletionPlace, completionPlace } from "./completionPlace";

/** A line of which more would have to be read is not completed. */
const LONGEST_ROW = 1_000_000;

const ROLES: Record<string, readonly string[]> = {
  role: ["user", "assistant", "system", "tool"],
  from: ["human", "gpt", "system", "tool"],
};

export const completion: Feature = {
  capabilities: { completionProvider: { triggerCharacters: ['"', "{", "[", ","] } },
  register(context) {
    context.connection.onCompletion(({ textDocument, position }): CompletionItem[] => {
      const document = context.documents.get(textDocument.uri);
      return document ? itemsAt(context, document, position) : [];
    });
  },
};

function itemsAt(context: ServerContext, document: JsonlDocument, { line, character }: Position): CompletionItem[] {
  const found = document.lines[line];
  if (!found || found.text.length > LONGEST_ROW) return [];
  const { text, indent } = found;
  const dialect = context.analyses.state(document.uri)?.dialect ?? null;
  const known = dialect ? [dialect] : formats.filter(({ untrainable }) => !untrainable).map(canonicalDialect);
  const range = (start: number, end: number) => document.rangeInLine(line, start, end - start);
  if (/^\s*\{?\s*\}?\s*$/.test(text)) return rowItems(known, range(0, text.length), text);
  const place = completionPlace(text, character - indent);
  if (!place) return [];
  const items = known.flatMap((candidate) => itemsFor(candidate, place, range(place.start, place.end)));
  return items.filter(({ label }, index) => items.findIndex((other) => other.label === label) === index);
}

/** On a line that is empty, or has no more than its brackets. */
function rowItems(dialects: readonly Dialect[], range: Range, text: string): CompletionItem[] {
  return dialects.map((dialect) => {
    const newText = rowSnippet(dialect);
    return {
      label: `${dialect.format.name} row`,
      kind: CompletionItemKind.Snippet,
      detail: dialect.format.example,
      insertTextFormat: InsertTextFormat.Snippet,
      textEdit: { range, newText },
      filterText: text === "" ? newText : text,
    };
  });
}

function itemsFor(dialect: Dialect, place: CompletionPlace, range: Range): CompletionItem[] {
  const keys = messageKeys(dialect);
  const messages = partPath(dialect.layout, "messages");
  const within = keys && startsWith(place.path, messages) ? place.path.slice(messages.length) : null;
  if (place.expects === "value") {
    if (keys && within?.length === 2 && within[1] === keys.role) return roleItems(keys.role, range);
    if (keys && within?.length === 1) return [messageItem(keys, range)];
    return [];
  }
  if (keys && within?.length === 1 && typeof within[0] === "number") {
    return keyItems([keys.role, keys.content], ["$1", "$1"], place, range);
  }
  if (place.path.length > 0) return [];
  const parts = dialect.format.parts.filter(({ name }) => partPath(dialect.layout, name).length === 1);
  const names = parts.map(({ name }) => String(partPath(dialect.layout, name)[0]));
  const values = parts.map((part) => partValue(part, dialect, 1));
  return keyItems(names, values, place, range, parts);
}

function startsWith(path: readonly (string | number)[], start: readonly (string | number)[]): boolean {
  return start.every((step, index) => path[index] === step);
}

/** `values`: snippets of what stands in the quotes, or of the whole value where it is no text. */
function keyItems(
  names: readonly string[],
  values: readonly string[],
  place: CompletionPlace,
  range: Range,
  parts?: readonly Part[],
): CompletionItem[] {
  const comma = place.expects === "after" ? ", " : "";
  return names.flatMap((name, index): CompletionItem[] => {
    if (place.keys.includes(name)) return [];
    const quoted = JSON.stringify(name);
    const value = values[index]!;
    const json = value.startsWith("[") ? value : `"${value}"`;
    const newText = place.colonFollows ? quoted : `${quoted}: ${json}`;
    return [
      {
        label: name,
        kind: CompletionItemKind.Property,
        detail: parts?.[index]?.required === false ? "may be left out" : "needed",
        insertTextFormat: InsertTextFormat.Snippet,
        sortText: `${parts?.[index]?.required === false ? 1 : 0}${index}`,
        filterText: quoted,
        textEdit: { range, newText: comma + escapeOutside(newText, place.colonFollows) },
      },
    ];
  });
}

/** Of a key alone nothing is a snippet's. */
function escapeOutside(text: string, plain: boolean): string {
  return plain ? text.replace(/[$}\\]/g, "\\$&") : text;
}

function roleItems(key: string, range: Range): CompletionItem[] {
  return (ROLES[key] ?? []).map((role, index) => ({
    label: role,
    kind: CompletionItemKind.EnumMember,
    sortText: String(index),
    filterText: `"${role}"`,
    textEdit: { range, newText: `"${role}"` },
  }));
}

function messageItem(keys: { role: string; content: string }, range: Range): CompletionItem {
  const roles = (ROLES[keys.role] ?? []).join(",");
  return {
    label: "message",
    kind: CompletionItemKind.Snippet,
    detail: `{"${keys.role}": …, "${keys.content}": …}`,
    insertTextFormat: InsertTextFormat.Snippet,
    filterText: `{"${keys.role}`,
    textEdit: { range, newText: `{"${keys.role}": "\${1|${roles}|}", "${keys.content}": "$2"}` },
  };
}

/** The fields that a row must have, with places to type in. */
export function rowSnippet(dialect: Dialect): string {
  let stop = 1;
  const members = dialect.format.parts
    .filter(({ required }) => required)
    .map((part) => {
      const value = partValue(part, dialect, stop);
      stop += value.startsWith("[") ? 2 : 1;
      return { path: partPath(dialect.layout, part.name), json: value.startsWith("[") ? value : `"${value}"` };
    });
  return `{${members.map(({ path, json }) => memberSnippet(path, json)).join(", ")}}`;
}

/** A nested field within its objects; an index stands for a list's only item. */
function memberSnippet(path: readonly (string | number)[], json: string): string {
  const [first, ...rest] = path;
  let value = json;
  for (const step of rest.reverse()) value = typeof step === "number" ? `[${value}]` : `{${key(step)}: ${value}}`;
  return `${key(String(first))}: ${value}`;
}

function key(name: string): string {
  return JSON.stringify(name).replace(/[$}\\]/g, "\\$&");
}

function partValue({ name }: Part, dialect: Dialect, stop: number): string {
  const keys = messageKeys(dialect);
  if (keys && name === "messages") {
    const [user, assistant] = ROLES[keys.role]!;
    const message = (role: string, at: number) => `{"${keys.role}": "${role}", "${keys.content}": "$${at}"}`;
    return `[${message(user!, stop)}, ${message(assistant!, stop + 1)}]`;
  }
  return keys && name === "tools" ? `[$${stop}]` : `$${stop}`;
}
