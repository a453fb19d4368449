import { LONGEST_LINE } from "../../lines";
import { DatasetError } from "../../problem";
import { readText } from "../readBytes";
import type { DroppedRow, ImportRow, ReadOptions, RowSource, SourcePart } from "../rowSource";
import { oneLine, parseText } from "./jsonText";
import { type JsonLayout, jsonLayout } from "./layout";
import { type JsonElement, JsonSplitter, type Wanted } from "./splitter";

/** The rows of a JSON file: an array's elements, the elements of one of an object's arrays, or JSON Lines. */
export async function openJson(part: SourcePart, options: ReadOptions): Promise<RowSource> {
  const layout: JsonLayout =
    part.member === undefined ? await jsonLayout(part.path, options.signal) : { kind: "members", keys: [part.member] };
  return {
    columns: null,
    batches: () => (layout.kind === "lines" ? rowsOfLines(part.path, options) : rowsOfValues(part, layout, options)),
    close: async () => {},
  };
}

async function* rowsOfValues(part: SourcePart, layout: JsonLayout, options: ReadOptions): AsyncGenerator<ImportRow[]> {
  if (layout.kind === "empty") return;
  const splitter = new JsonSplitter(part.path, wantedOf(layout));
  const rows = (elements: JsonElement[]) => elements.map((element) => rowOf(part.path, element, options));
  for await (const chunk of readText(part.path, options)) {
    const elements = splitter.push(chunk);
    if (elements.length > 0) yield rows(elements);
  }
  const last = splitter.end();
  if (last.length > 0) yield rows(last);
}

function wantedOf(layout: JsonLayout): Wanted {
  if (layout.kind === "members") return { kind: "member", key: layout.keys[0]! };
  return { kind: layout.kind === "array" ? "elements" : "values" };
}

/** A row of an array that cannot be read ends the import: what stands around it may be misread too. */
function rowOf(path: string, element: JsonElement, { replaced }: ReadOptions): ImportRow {
  const parsed = parseText(element.text);
  if (parsed.text === null) {
    const line = element.line + parsed.line - 1;
    const column = parsed.line === 1 ? element.column + parsed.column - 1 : parsed.column;
    throw new DatasetError(`${path}, line ${line}, column ${column}: ${parsed.message}.`);
  }
  const fault = notAnObject(parsed.value);
  if (fault !== null) throw new DatasetError(`${path}, line ${element.line}, column ${element.column}: ${fault}`);
  replaced.nonFinite += parsed.nonFinite;
  return { value: parsed.value as ImportRow["value"], text: oneLine(parsed.text), line: element.line };
}

/** A line that cannot be read is left out and reported: the others are not touched by it. */
async function* rowsOfLines(path: string, options: ReadOptions): AsyncGenerator<ImportRow[]> {
  let number = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const keep = (rest: Buffer) => {
    pendingBytes += rest.length;
    // A copy: the chunk that `rest` lies in must not be held for a few bytes of it.
    if (pendingBytes <= LONGEST_LINE) pending.push(Buffer.from(rest));
    else pending = [];
  };
  const complete = (rest: Buffer): ImportRow | null => {
    number++;
    const tooLong = pendingBytes + rest.length > LONGEST_LINE;
    const text = tooLong
      ? ""
      : Buffer.concat([...pending, rest])
          .toString("utf8")
          .trim();
    pending = [];
    pendingBytes = 0;
    return tooLong ? dropLongLine(path, number, options) : rowOfLine(path, number, text, options);
  };
  for await (const chunk of readText(path, options)) {
    const rows: ImportRow[] = [];
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      const row = complete(chunk.subarray(start, end));
      if (row !== null) rows.push(row);
      start = end + 1;
    }
    keep(chunk.subarray(start));
    if (rows.length > 0) yield rows;
  }
  if (pendingBytes === 0) return;
  const last = complete(Buffer.alloc(0));
  if (last !== null) yield [last];
}

function dropLongLine(path: string, line: number, { onDropped }: ReadOptions): null {
  const limit = LONGEST_LINE / (1024 * 1024);
  onDropped({ path, line, check: "line-too-long", message: `The line is longer than ${limit} MiB.` });
  return null;
}

/** Null: the line is blank, or was left out. */
function rowOfLine(path: string, line: number, text: string, options: ReadOptions): ImportRow | null {
  if (text === "") return null;
  const drop = (check: DroppedRow["check"], message: string) => {
    options.onDropped({ path, line, check, message });
    return null;
  };
  const parsed = parseText(text);
  if (parsed.text === null) return drop("json-syntax", `${parsed.message}.`);
  const fault = notAnObject(parsed.value);
  if (fault !== null) return drop("not-an-object", fault);
  options.replaced.nonFinite += parsed.nonFinite;
  return { value: parsed.value as ImportRow["value"], text: parsed.text, line };
}

function notAnObject(value: unknown): string | null {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return null;
  const found = value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
  return `The row is ${found}: it must be an object.`;
}
