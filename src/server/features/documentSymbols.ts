/** A symbol a row, named by its instruction; in smaller files its fields beneath it. */

import { type DocumentSymbol, type Range, SymbolKind } from "vscode-languageserver";
import type { Dialect } from "../../dataset/formats/format";
import { type JsonNode, type JsonTree, parseJson, stringValue } from "../../dataset/json";
import { isReadable } from "../datasetAnalysis";
import type { Feature, ServerContext } from "../feature";
import type { JsonlDocument, Line } from "../jsonlDocument";
import { Slices } from "../slices";
import { rowLabel } from "./rowLabel";
import { whenStructured } from "./whenStructured";

/** More would make the outline slow, and nobody reads them. */
const MOST_ROWS = 20_000;
const MOST_ROWS_WITH_FIELDS = 1_000;
/** In UTF-16 code units, of all rows together. */
const LARGEST_WITH_FIELDS = 1024 * 1024;
const DEEPEST_FIELD = 4;
/** In characters of a row that is worked on: what the slices count in. */
const COST_OF_NAME = 200;

export const documentSymbols: Feature = {
  capabilities: { documentSymbolProvider: true },
  register(context) {
    context.connection.onDocumentSymbol(async ({ textDocument }): Promise<DocumentSymbol[]> => {
      const document = context.documents.get(textDocument.uri);
      if (!document) return [];
      // The client asks once for each version: what it gets then is what it shows.
      await whenStructured(context, document);
      return symbolsOf(context, document);
    });
    context.analyses.onDidProgress(({ analysis, state, complete }) => {
      if (complete && state.dialect) void nameAll(analysis.document, state.dialect);
    });
  },
};

function symbolsOf(context: ServerContext, document: JsonlDocument): DocumentSymbol[] {
  const dialect = context.analyses.state(document.uri)?.dialect ?? null;
  const withFields = isSmall(document);
  const check = context.lengthCheck();
  const symbols: DocumentSymbol[] = [];
  for (const [number, line] of document.lines.entries()) {
    if (symbols.length >= MOST_ROWS) break;
    if (line.text === "" || line.record?.kind === "blank") continue;
    const range = document.rangeInLine(number, 0, line.text.length);
    const tokens = check?.tokensOf(line) ?? null;
    symbols.push({
      name: nameOf(line, number, dialect),
      detail: tokens === null ? `${figure(line.text.length)} characters` : `${figure(tokens)} tokens`,
      kind: SymbolKind.Object,
      range,
      selectionRange: range,
      ...(withFields ? { children: fieldsOf(document, number) } : {}),
    });
  }
  return symbols;
}

function isSmall({ lines }: JsonlDocument): boolean {
  return (
    lines.length <= MOST_ROWS_WITH_FIELDS &&
    lines.reduce((sum, { text }) => sum + text.length, 0) <= LARGEST_WITH_FIELDS
  );
}

/** Before anybody asks: all names at once would take too long to wait for. */
async function nameAll(document: JsonlDocument, dialect: Dialect): Promise<void> {
  const slices = new Slices(new AbortController().signal);
  const { version } = document;
  for (let number = 0; number < Math.min(document.lines.length, MOST_ROWS); number++) {
    if (slices.due(COST_OF_NAME)) await slices.next();
    if (document.version !== version) return;
    nameOf(document.lines[number]!, number, dialect);
  }
}

interface Named {
  dialect: Dialect;
  label: string;
}

/** An edit asks for all symbols anew, and most lines are what they were. */
const named = new WeakMap<Line, Named>();

function nameOf(line: Line, number: number, dialect: Dialect | null): string {
  let known = named.get(line);
  if (dialect && known?.dialect !== dialect && line.record && isReadable(line.record)) {
    known = { dialect, label: rowLabel(line.text, dialect) };
    named.set(line, known);
  }
  return (known?.dialect === dialect && known?.label) || `Row ${number + 1}`;
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

/** Made once: a format of its own for each of many rows would take longer than all else. */
const figures = new Intl.NumberFormat("en");

function figure(value: number): string {
  return value < 1000 ? String(value) : figures.format(value);
}
