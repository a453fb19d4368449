/** Hover on a row: what the cursor is on, the row as the model sees it, its tokens, and the rows that are like it. */

import { type Hover, MarkupKind, type Position } from "vscode-languageserver";
import { unitLength } from "../../dataset/checks/finding";
import { fieldName } from "../../dataset/formats/fields";
import type { Dialect, JsonObject } from "../../dataset/formats/format";
import { parseJson } from "../../dataset/json";
import type { Feature, ServerContext } from "../feature";
import { comparison, relatedRows } from "../fileStage";
import type { JsonlDocument, Line } from "../jsonlDocument";
import { placeAt } from "./jsonPosition";
import { LONGEST_VIEWED, readableRow, viewRow } from "./rowView";
import { aside, escapeMarkdown, figure, rowMarkdown } from "./rowViewMarkdown";

export const hover: Feature = {
  capabilities: { hoverProvider: true },
  register(context) {
    context.connection.onHover(async ({ textDocument, position }): Promise<Hover | null> => {
      const document = context.documents.get(textDocument.uri);
      const value = document ? await hoverText(context, document, position) : null;
      return value === null ? null : { contents: { kind: MarkupKind.Markdown, value } };
    });
  },
};

async function hoverText(context: ServerContext, document: JsonlDocument, position: Position): Promise<string | null> {
  const readable = readableRow(context, document, position.line);
  if (!readable) return tooLong(document.lines[position.line]);
  const { line, row, dialect } = readable;
  const cursor = cursorText(line, row, dialect, position.character - line.indent);
  const view = rowMarkdown(await viewRow(context, row, dialect));
  const alike = likeRows(context, document, position.line);
  return [cursor, view, alike].filter((part) => part !== "").join("\n\n");
}

function tooLong(line: Line | undefined): string | null {
  if (!line || line.text.length <= LONGEST_VIEWED) return null;
  return `This row has ${figure(line.text.length)} characters: it is too long to be shown here.`;
}

const ROLES = {
  system: "system: shown to the model",
  instruction: "prompt: shown to the model, not learned",
  context: "context: shown to the model, not learned",
  answer: "answer: learned",
} as const;

/** `output` · answer: learned · line 3 of 12 */
function cursorText(line: Line, row: JsonObject, { format, layout }: Dialect, offset: number): string {
  const tree = parseJson(line.text);
  if (!tree.ok) return "";
  const { path, node, key } = placeAt(tree, offset);
  if (path.length === 0) return "";
  const parts: string[] = [`**${escapeMarkdown(fieldName(path))}**`];
  const part = format.texts(row, layout).find((text) => JSON.stringify(text.path) === JSON.stringify(path));
  const structural = Object.values(layout).some((used) => path.every((step, index) => used[index] === step));
  if (part) parts.push(ROLES[part.role]);
  else if (!structural && path.length === 1) parts.push("not used in training");
  if (part && node.kind === "string") {
    const lines = part.text.split("\n").length;
    const size = `${figure(part.text.length)} characters`;
    if (lines === 1) parts.push(size);
    else if (key) parts.push(`${figure(lines)} lines, ${size}`);
    else parts.push(`line ${figure(lineOf(line.text, node.offset, offset))} of ${figure(lines)}`);
  }
  return parts.join(" · ");
}

/** The line of the decoded string that a place in its literal belongs to. */
function lineOf(text: string, start: number, offset: number): number {
  let lines = 1;
  for (let at = start + 1; at < offset; at += unitLength(text, at)) {
    if (text[at] === "\\" && text[at + 1] === "n" && at + 2 <= offset) lines++;
  }
  return lines;
}

/** The rows that are the same, nearly the same, or that answer the same instruction. */
function likeRows(context: ServerContext, document: JsonlDocument, line: number): string {
  const analysis = context.analyses.analysis(document.uri);
  if (!analysis) return "";
  const names: Record<string, string> = {
    "duplicate-row": "the same",
    "conflicting-answers": "another answer to the same instruction",
    "near-duplicate": "nearly the same",
  };
  const linked = new Map<number, string>();
  for (const { other, problem } of relatedRows(analysis, line)) {
    if (other !== undefined && names[problem.check]) linked.set(other, names[problem.check]!);
  }
  const facts = document.lines[line]?.record?.inspection?.facts;
  for (const { row, similarity } of facts ? (comparison(analysis)?.nearest(line + 1, facts, 3) ?? []) : []) {
    const percent = `${Math.min(99, Math.floor(similarity * 100))} % the same`;
    const known = linked.get(row);
    if (known === undefined || known === "nearly the same") linked.set(row, percent);
  }
  const links = [...linked].map(([row, how]) => `${rowLink(document.uri, row)} ${aside(how)}`);
  return links.length === 0 ? "" : `Like this row: ${links.join(", ")}`;
}

/** VS Code opens a file's address with a line; a document that is no file has no such address. */
function rowLink(uri: string, row: number): string {
  const label = `row ${figure(row)}`;
  if (!uri.startsWith("file:")) return label;
  const address = uri.replace(/[()<>\s]/g, (character) =>
    encodeURIComponent(character).replace("(", "%28").replace(")", "%29"),
  );
  return `[${label}](${address}#L${row})`;
}
