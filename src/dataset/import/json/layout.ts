import { DatasetError } from "../../problem";
import { readText } from "../readBytes";
import { JsonSplitter } from "./splitter";

/** How the rows lie in a JSON file. */
export type JsonLayout =
  | { kind: "array" }
  /** One row a line. */
  | { kind: "lines" }
  /** Values of several lines, one after the other. */
  | { kind: "values" }
  /** One object that has the rows in one or more arrays. */
  | { kind: "members"; keys: string[] }
  | { kind: "empty" };

/** Arrays of objects that belong to one row. */
const partsOfRows = new Set(["messages", "conversations", "conversation", "tools", "functions", "chosen", "rejected"]);

/** Reads an array's first bytes, an object to its end: its arrays are known only then. */
export async function jsonLayout(path: string, signal?: AbortSignal): Promise<JsonLayout> {
  if (/\.(jsonl|ndjson)(\.gz)?$/i.test(path)) return { kind: "lines" };
  const members: { key: string; start: string }[] = [];
  let splitter: JsonSplitter | null = null;
  let objectEndLine = 0;
  let lineFeedAfter = false;
  for await (const chunk of readText(path, { signal })) {
    let from = 0;
    if (splitter === null) {
      from = firstNonBlank(chunk, 0);
      if (from < 0) continue;
      const start = String.fromCharCode(chunk[from]!);
      if (start === "[") return { kind: "array" };
      if (start !== "{") {
        throw new DatasetError(`${path} is no JSON array or object: it begins with ${JSON.stringify(start)}.`);
      }
      splitter = new JsonSplitter(path, { kind: "keys", onMember: (key, text) => members.push({ key, start: text }) });
    }
    if (!splitter.ended) {
      splitter.push(chunk.subarray(from));
      if (!splitter.ended) continue;
      objectEndLine = splitter.position.line;
      from += splitter.position.offset;
    }
    const next = firstNonBlank(chunk, from);
    lineFeedAfter ||= chunk.subarray(from, next < 0 ? chunk.length : next).includes(0x0a);
    if (next >= 0) return { kind: objectEndLine === 1 && lineFeedAfter ? "lines" : "values" };
  }
  if (splitter === null) return { kind: "empty" };
  splitter.end();
  return layoutOfObject(path, members);
}

function layoutOfObject(path: string, members: { key: string; start: string }[]): JsonLayout {
  const rowArrays = members.filter(({ key, start }) => /^\[\s*\{/.test(start) && !partsOfRows.has(key));
  if (rowArrays.length > 0) return { kind: "members", keys: rowArrays.map(({ key }) => key) };
  const columns = members.filter(({ start }) => /^\[\s*["\d-]/.test(start));
  if (columns.length === members.length && columns.length > 1) {
    throw new DatasetError(
      `${path} holds a list of values for each column (${columns.map(({ key }) => key).join(", ")}): write it with one object for each row.`,
    );
  }
  return { kind: "values" };
}

function firstNonBlank(chunk: Buffer, from: number): number {
  for (let at = from; at < chunk.length; at++) {
    const byte = chunk[at]!;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
  }
  return -1;
}
