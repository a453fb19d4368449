/**
 * What the words of a row mean to training: keys that are used and keys that are not, roles, and by their quotes which
 * texts are learned. Texts themselves stay as they are, since grammars colour what is in them.
 */

import { type SemanticTokens, SemanticTokensBuilder } from "vscode-languageserver";
import { checkRow } from "../../dataset/checkRow";
import type { TextPart } from "../../dataset/checks/textPart";
import { messageKeys } from "../../dataset/formats/chat";
import type { Dialect, JsonObject } from "../../dataset/formats/format";
import { partPath } from "../../dataset/formats/layout";
import { type JsonNode, type JsonTree, nodeAt, parseJson, stringValue } from "../../dataset/json";
import type { RowPath } from "../../dataset/problem";
import { isReadable, type RowRecord } from "../datasetAnalysis";
import type { Feature, ServerContext } from "../feature";
import type { JsonlDocument } from "../jsonlDocument";
import { whenStructured } from "./whenStructured";

/** Declared in package.json, `semanticTokenTypes`. */
export const TOKEN_TYPES = [
  "datasetField",
  "datasetUnusedField",
  "datasetRole",
  "datasetPrompt",
  "datasetAnswer",
] as const;
type TokenType = (typeof TOKEN_TYPES)[number];

/** A file with more characters is coloured only where it is seen. */
const LARGEST_WHOLE = 256 * 1024;
const LONGEST_ROW = 64 * 1024;
/** More than any window shows. */
const MOST_ROWS_IN_VIEW = 2_000;

export interface RowToken {
  offset: number;
  length: number;
  type: TokenType;
}

export const semanticTokens: Feature = {
  capabilities: {
    semanticTokensProvider: { legend: { tokenTypes: [...TOKEN_TYPES], tokenModifiers: [] }, full: true, range: true },
  },
  register(context) {
    const { semanticTokens: requests } = context.connection.languages;
    // Without tokens for the whole the client asks for the lines that it shows.
    requests.on(async ({ textDocument }): Promise<SemanticTokens> => {
      const document = context.documents.get(textDocument.uri);
      if (!document || isLarge(document)) return null as unknown as SemanticTokens;
      await whenStructured(context, document);
      return tokensOf(context, document, 0, document.lines.length - 1);
    });
    requests.onRange(async ({ textDocument, range }): Promise<SemanticTokens> => {
      const document = context.documents.get(textDocument.uri);
      if (document) await whenStructured(context, document);
      const last = Math.min(range.end.line, range.start.line + MOST_ROWS_IN_VIEW);
      return document ? tokensOf(context, document, range.start.line, last) : { data: [] };
    });
    refreshWithFormat(context);
  },
};

/** Once a document's format has become another, what is used of its rows has too. */
function refreshWithFormat({ connection, analyses }: ServerContext): void {
  // By document: other settings make another analysis of it.
  const shown = new WeakMap<JsonlDocument, Dialect | null>();
  analyses.onDidProgress(({ analysis: { document }, state, complete }) => {
    if (!complete || shown.get(document) === state.dialect) return;
    const first = !shown.has(document);
    shown.set(document, state.dialect);
    // A client that cannot refresh says so.
    if (!first) connection.sendRequest("workspace/semanticTokens/refresh").catch(() => {});
  });
}

function isLarge({ lines }: JsonlDocument): boolean {
  let characters = 0;
  return lines.some(({ text }) => {
    characters += text.length;
    return characters > LARGEST_WHOLE;
  });
}

function tokensOf(context: ServerContext, document: JsonlDocument, first: number, last: number): SemanticTokens {
  const dialect = context.analyses.state(document.uri)?.dialect;
  const builder = new SemanticTokensBuilder();
  if (!dialect) return builder.build();
  for (let number = Math.max(0, first); number <= Math.min(last, document.lines.length - 1); number++) {
    const { text, record, indent } = document.lines[number]!;
    if (record?.isObject === false || text.length > LONGEST_ROW) continue;
    for (const { offset, length, type } of rowTokens(text, record, dialect)) {
      builder.push(number, offset + indent, length, TOKEN_TYPES.indexOf(type), 0);
    }
  }
  return builder.build();
}

/** Without a record: a line that was edited a moment ago. */
function rowTokens(text: string, record: RowRecord | undefined, dialect: Dialect): RowToken[] {
  const tree = parseJson(text);
  if (!tree.ok || tree.root.kind !== "object") return [];
  const tokens = [...keyTokens(tree, dialect), ...messageTokens(tree, dialect)];
  const row = record?.sample ?? (JSON.parse(text) as JsonObject);
  if (record ? isReadable(record) : checkRow(row, dialect).length === 0) {
    for (const part of dialect.format.texts(row, dialect.layout)) tokens.push(...quoteTokens(tree, part));
  }
  return tokens.sort((a, b) => a.offset - b.offset);
}

/** The keys on the way to what is used; of the outermost object all others too. */
function keyTokens(tree: JsonTree, { layout }: Dialect): RowToken[] {
  const paths = Object.values(layout);
  const tokens: RowToken[] = [];
  const visit = (node: JsonNode | null, path: RowPath) => {
    if (node?.kind !== "object") return;
    for (const { key, value } of node.members) {
      const here = [...path, stringValue(tree.text, key)];
      const used = paths.filter((candidate) => here.every((step, index) => String(candidate[index]) === step));
      const type = used.length > 0 ? "datasetField" : "datasetUnusedField";
      if (used.length > 0 || path.length === 0) tokens.push({ offset: key.offset, length: key.length, type });
      if (used.some((candidate) => candidate.length > here.length)) visit(value, here);
    }
  };
  visit(tree.root, []);
  return tokens;
}

function messageTokens(tree: JsonTree, dialect: Dialect): RowToken[] {
  const keys = messageKeys(dialect);
  const messages = keys ? nodeAt(tree, partPath(dialect.layout, "messages")) : null;
  if (!keys || messages?.kind !== "array") return [];
  const tokens: RowToken[] = [];
  for (const message of messages.items) {
    if (message.kind !== "object") continue;
    for (const { key, value } of message.members) {
      const name = stringValue(tree.text, key);
      if (name !== keys.role && name !== keys.content) continue;
      tokens.push({ offset: key.offset, length: key.length, type: "datasetField" });
      if (name === keys.role && value.kind === "string" && value.length > 2) {
        tokens.push({ offset: value.offset + 1, length: value.length - 2, type: "datasetRole" });
      }
    }
  }
  return tokens;
}

function quoteTokens(tree: JsonTree, { path, role }: TextPart): RowToken[] {
  const node = nodeAt(tree, path);
  if (node?.kind !== "string") return [];
  const type = role === "answer" ? "datasetAnswer" : "datasetPrompt";
  return [
    { offset: node.offset, length: 1, type },
    { offset: node.offset + node.length - 1, length: 1, type },
  ];
}
