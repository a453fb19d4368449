/** A symbol a row, named by its instruction; in smaller files its fields beneath it. */

import { type DocumentSymbol, type Range, SymbolKind } from "vscode-languageserver";
import type { Dialect } from "../../dataset/formats/format";
import { type JsonNode, type JsonTree, parseJson, stringValue } from "../../dataset/json";
import { isReadable } from "../datasetAnalysis";
import type { Feature, ServerContext } from "../feature";
import type { JsonlDocument, Line } from "../jsonlDocument";
import { rowLabel } from "./rowLabel";

/** More would make the outline slow, and nobody reads them. */
const MOST_ROWS = 20_000;
const MOST_ROWS_WITH_FIELDS = 1_000;
const LONGEST_WITH_FIELDS = 64 * 1024;
const DEEPEST_FIELD = 4;

export const documentSymbols: Feature = {
  capabilities: { documentSymbolProvider: true },
  register(context) {
    context.connection.onDocumentSymbol(({ textDocument }): DocumentSymbol[] => {
      const document = context.documents.get(textDocument.uri);
      return document ? symbolsOf(context, document) : [];
    });
  },
};

function symbolsOf(context: ServerContext, document: JsonlDocument): DocumentSymbol[] {
  const dialect = context.analyses.state(document.uri)?.dialect ?? null;
  const withFields = document.lines.length <= MOST_ROWS_WITH_FIELDS;
  const check = context.lengthCheck();
  const symbols: DocumentSymbol[] = [];
  for (const [number, line] of document.lines.entries()) {
    if (symbols.length >= MOST_ROWS) break;
    if (line.text.trim() === "") continue;
    const range = document.rangeInLine(number, 0, line.text.length);
    const tokens = check?.tokensOf(line) ?? null;
    symbols.push({
      name: nameOf(line, number, dialect),
      detail: tokens === null ? `${figure(line.text.length)} characters` : `${figure(tokens)} tokens`,
      kind: SymbolKind.Object,
      range,
      selectionRange: range,
      ...(withFields && line.text.length <= LONGEST_WITH_FIELDS ? { children: fieldsOf(document, number) } : {}),
    });
  }
  return symbols;
}

function nameOf({ record, text }: Line, number: number, dialect: Dialect | null): string {
  const row = `Row ${number + 1}`;
  if (!dialect || !record || !isReadable(record)) return row;
  return rowLabel(text, dialect) || row;
}

function fieldsOf(document: JsonlDocument, number: number): DocumentSymbol[] {
  const tree = parseJson(document.lines[number]!.text);
  if (!tree.ok) return [];
  return childrenOf(tree, tree.root, (offset, length) => document.rangeInLine(number, offset, length), 1);
}

type ToRange = (offset: number, length: number) => Range;

function childrenOf(tree: JsonTree, node: JsonNode, toRange: ToRange, depth: number): DocumentSymbol[] {
  if (depth > DEEPEST_FIELD) return [];
  if (node.kind === "object") {
    return node.members.map(({ key, value }) => {
      const end = value.offset + value.length;
      return symbol(tree, stringValue(tree.text, key), value, toRange(key.offset, end - key.offset), toRange, depth);
    });
  }
  if (node.kind !== "array") return [];
  return node.items.map((item, index) =>
    symbol(tree, `[${index}]`, item, toRange(item.offset, item.length), toRange, depth),
  );
}

const KINDS: Record<JsonNode["kind"], SymbolKind> = {
  object: SymbolKind.Object,
  array: SymbolKind.Array,
  string: SymbolKind.String,
  number: SymbolKind.Number,
  true: SymbolKind.Boolean,
  false: SymbolKind.Boolean,
  null: SymbolKind.Null,
};

function symbol(
  tree: JsonTree,
  name: string,
  value: JsonNode,
  range: Range,
  toRange: ToRange,
  depth: number,
): DocumentSymbol {
  const children = childrenOf(tree, value, toRange, depth + 1);
  // A symbol's name must not be empty.
  const shown = name.trim() === "" ? JSON.stringify(name) : name;
  return { name: shown, kind: KINDS[value.kind], range, selectionRange: range, children };
}

function figure(value: number): string {
  return value.toLocaleString("en");
}
