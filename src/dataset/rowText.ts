/**
 * A row as text that a person can read and edit: a heading a field, texts without JSON's escapes. Back again it is the
 * same value to the last digit: what is no text stands there as the JSON it is. Pure.
 *
 * A heading is a line `# «path»`, or `# «path» JSON` before what is no text; `# «»` ends the last field. A line of a
 * text that looks like a heading has a backslash before it.
 */

import { type JsonNode, type JsonTree, parseJson, stringValue } from "./json";

export type RowTextResult = { ok: true; text: string } | { ok: false; message: string };

/** Objects and lists of objects further in are shown as JSON. */
const DEEPEST = 8;
const END = "# «»";
const HEADING = /^# «(.*)»( JSON)?$/;
const HEADING_LIKE = /^\\*# «.*»(?: JSON)?$/;
/** What an editor would change or not show: line ends other than \n, halves of characters, controls. */
const UNSHOWABLE = /[\x00-\x08\x0b-\x1f\x7f\u0085\u2028\u2029\ufeff\ufffe\uffff]|\p{Surrogate}/u;

/** `line`: the row as it stands in the file. */
export function rowToText(line: string): RowTextResult {
  const tree = parseJson(line);
  if (!tree.ok) return refuse(`The row is not valid JSON: ${tree.error.message}.`);
  if (tree.root.kind !== "object") return refuse("The row is no object: it has no fields to show.");
  if (tree.duplicateKeys.length > 0) {
    return refuse(`The key ${JSON.stringify(tree.duplicateKeys[0]!.key)} occurs twice in the row: remove one first.`);
  }
  const fields: string[] = [];
  addFields(tree, tree.root, "", 0, fields);
  return { ok: true, text: `${[...fields, END].join("\n\n")}\n` };
}

function addFields(tree: JsonTree, node: JsonNode, path: string, depth: number, fields: string[]): void {
  if (node.kind === "object" && depth <= DEEPEST && (node.members.length > 0 || depth === 0)) {
    for (const { key, value } of node.members) {
      addFields(tree, value, path + keyStep(stringValue(tree.text, key), path === ""), depth + 1, fields);
    }
  } else if (node.kind === "array" && depth <= DEEPEST && isListOfObjects(node.items)) {
    for (const [index, item] of node.items.entries()) addFields(tree, item, `${path}[${index}]`, depth + 1, fields);
  } else if (node.kind === "string" && !UNSHOWABLE.test(stringValue(tree.text, node))) {
    const lines = stringValue(tree.text, node).split("\n");
    fields.push([`# «${path}»`, ...lines.map((line) => (HEADING_LIKE.test(line) ? `\\${line}` : line))].join("\n"));
  } else fields.push(`# «${path}» JSON\n${escaped(tree.text.slice(node.offset, node.offset + node.length))}`);
}

function isListOfObjects(items: readonly JsonNode[]): boolean {
  return items.length > 0 && items.every((item) => item.kind === "object" && item.members.length > 0);
}

const PLAIN_KEY = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u;

/** `.key`, or `["any key"]`; the first without the dot. */
function keyStep(key: string, first: boolean): string {
  if (PLAIN_KEY.test(key)) return first ? key : `.${key}`;
  return `[${escaped(JSON.stringify(key)).replace(/[«»]/g, escapeOf)}]`;
}

/** JSON in which what an editor would not keep is escaped: outside of strings there is nothing of the kind. */
function escaped(json: string): string {
  return UNSHOWABLE.test(json) ? json.replace(new RegExp(UNSHOWABLE, "gu"), escapeOf) : json;
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A field's value under construction: JSON, or what it consists of in order. */
type Branch = { kind: "object"; members: Map<string, Value> } | { kind: "array"; items: Map<number, Value> };
type Value = string | Branch;

export interface RowTextOptions {
  /** No spaces after colons and commas. */
  compact?: boolean;
}

/** The row as one line of JSON. */
export function textToRow(text: string, { compact = false }: RowTextOptions = {}): RowTextResult {
  const root: Branch = { kind: "object", members: new Map() };
  const sections = sectionsOf(text);
  if (typeof sections === "string") return refuse(sections);
  for (const section of sections) {
    const problem = addSection(root, section, compact);
    if (problem !== null) return refuse(problem);
  }
  return { ok: true, text: write(root, compact) };
}

interface Section {
  heading: string;
  json: boolean;
  lines: string[];
}

/** A sentence where the text cannot be taken apart. */
function sectionsOf(text: string): Section[] | string {
  const sections: Section[] = [];
  let ended = false;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const heading = HEADING.exec(line);
    const current = sections.at(-1);
    if (line === END) ended = true;
    else if (ended || !current) {
      if (heading && !ended) sections.push({ heading: heading[1]!, json: heading[2] !== undefined, lines: [] });
      else if (line.trim() !== "") {
        return ended
          ? `There is text after the line "${END}": write it above that line.`
          : 'The first line must be a heading, such as "# «output»".';
      }
    } else if (heading) sections.push({ heading: heading[1]!, json: heading[2] !== undefined, lines: [] });
    else current.lines.push(HEADING_LIKE.test(line) ? line.slice(1) : line);
  }
  // One empty line stands before the next heading; without the end's line the file's last line end is no line.
  for (const [index, { lines }] of sections.entries()) {
    if (lines.at(-1) === "") lines.pop();
    if (!ended && index === sections.length - 1 && lines.at(-1) === "") lines.pop();
  }
  return sections;
}

function addSection(root: Branch, { heading, json, lines }: Section, compact: boolean): string | null {
  const path = readPath(heading);
  if (path === null) return `The heading "# «${heading}»" names no field: write it as key, a.b or a[0].b.`;
  let value = JSON.stringify(lines.join("\n"));
  if (json) {
    const tree = parseJson(lines.join("\n"));
    if (!tree.ok) return `What stands under "# «${heading}» JSON" is not valid JSON: ${tree.error.message}.`;
    value = normaliseSpaces(tree.text.trim(), compact);
  }
  return put(root, path, value) ? null : `The field "${heading}" is given twice: remove one of its headings.`;
}

function put(root: Branch, path: readonly (string | number)[], value: string): boolean {
  let branch = root;
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1;
    if ((branch.kind === "array") !== (typeof step === "number")) return false;
    const known = get(branch, step);
    if (last ? known !== undefined : typeof known === "string") return false;
    if (last) {
      set(branch, step, value);
      return true;
    }
    let inner = known as Branch | undefined;
    if (inner === undefined) {
      inner =
        typeof path[index + 1] === "number"
          ? { kind: "array", items: new Map() }
          : { kind: "object", members: new Map() };
      set(branch, step, inner);
    }
    branch = inner;
  }
  return false;
}

function get(branch: Branch, step: string | number): Value | undefined {
  return branch.kind === "object" ? branch.members.get(String(step)) : branch.items.get(Number(step));
}

function set(branch: Branch, step: string | number, value: Value): void {
  if (branch.kind === "object") branch.members.set(String(step), value);
  else branch.items.set(Number(step), value);
}

function write(value: Value, compact: boolean): string {
  if (typeof value === "string") return value;
  const [comma, colon] = separators(compact);
  if (value.kind === "object") {
    const members = [...value.members].map(([key, inner]) => JSON.stringify(key) + colon + write(inner, compact));
    return `{${members.join(comma)}}`;
  }
  // A heading that was removed leaves a gap, which the others close.
  const items = [...value.items].sort(([a], [b]) => a - b).map(([, inner]) => write(inner, compact));
  return `[${items.join(comma)}]`;
}

const STEP = /\.?([\p{L}_$][\p{L}\p{N}_$-]*)|\[(0|[1-9][0-9]{0,6})\]|\[("[^"\\]*(?:\\.[^"\\]*)*")\]/uy;

/** Null: no path. */
function readPath(heading: string): (string | number)[] | null {
  const path: (string | number)[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < heading.length) {
    const at = STEP.lastIndex;
    const match = STEP.exec(heading);
    // Between two steps a dot is needed where nothing else parts them, and none leads the first.
    if (!match || (match[1] !== undefined && (at === 0) === match[0].startsWith("."))) return null;
    if (match[1] !== undefined) path.push(match[1]);
    else if (match[2] !== undefined) path.push(Number(match[2]));
    else {
      const key = parseJson(match[3]!);
      if (!key.ok || key.root.kind !== "string") return null;
      path.push(stringValue(key.text, key.root));
    }
  }
  return path.length > 0 && path.length <= 2 * DEEPEST && typeof path[0] === "string" ? path : null;
}

/** Valid JSON with one space after each colon and comma outside of strings, or with none, and no other white space. */
export function normaliseSpaces(json: string, compact = false): string {
  const [comma, colon] = separators(compact);
  const pieces: string[] = [];
  let from = 0;
  const replace = (at: number, by: string) => {
    pieces.push(json.slice(from, at), by);
    from = at + 1;
  };
  for (let at = 0; at < json.length; at++) {
    const character = json[at]!;
    if (character === '"') at = stringEnd(json, at);
    else if (character === ",") replace(at, comma);
    else if (character === ":") replace(at, colon);
    else if (character <= " ") replace(at, "");
  }
  pieces.push(json.slice(from));
  return pieces.join("");
}

/** The closing quote of the string that opens at `start`. */
function stringEnd(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at;
}

function separators(compact: boolean): [comma: string, colon: string] {
  return compact ? [",", ":"] : [", ", ": "];
}

/** Whether a row is written without spaces after its colons. */
export function isCompact(line: string): boolean {
  return /^\s*\{\s*"(?:[^"\\]|\\.){0,200}":\S/.test(line);
}

function refuse(message: string): RowTextResult {
  return { ok: false, message };
}
