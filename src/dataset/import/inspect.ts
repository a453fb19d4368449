import type { FormatId } from "../../protocol/run";
import { DETECTION_SAMPLE, detectDialect, isComplete } from "../formats/detect";
import type { JsonObject } from "../formats/format";
import type { Header } from "./delimited";
import { openSource } from "./openSource";
import { chooseSplit, type FindOptions, findParts, splitsOf } from "./parts";
import type { SourceFormat } from "./rowSource";

/** What can be asked before an import: splits, columns, whether the rows fit a format as they are. */
export interface Inspection {
  sourceFormat: SourceFormat;
  configs: string[];
  splits: string[];
  /** Of the first split, or the one that was asked for; null: most of its rows fit none. */
  format: FormatId | null;
  /** Paths to the values of the first row, as a column mapping names them, and how each value begins. */
  columns: { path: string; preview: string }[];
}

const LONGEST_PREVIEW = 80;
const DEEPEST = 4;
const MOST_COLUMNS = 200;

export async function inspectSource(
  sources: readonly string[],
  options: FindOptions & { split?: string | undefined; header: Header },
): Promise<Inspection> {
  const { parts, configs } = await findParts(sources, { ...options, anyConfig: true });
  const splits = splitsOf(parts);
  const split = options.split ?? (splits.includes("train") ? "train" : splits[0]);
  const [part] = chooseSplit(parts, split);
  const rows = part === undefined ? [] : await firstRows(part, options);
  const dialect = detectDialect(rows);
  const complete = rows.filter((row) => dialect !== null && isComplete(row, dialect.format)).length;
  return {
    sourceFormat: parts[0]!.format,
    configs,
    splits,
    format: dialect !== null && complete * 2 > rows.length ? dialect.format.id : null,
    columns: rows[0] === undefined ? [] : pathsOf(rows[0]),
  };
}

async function firstRows(
  part: Parameters<typeof openSource>[0],
  { header, signal }: { header: Header; signal?: AbortSignal | undefined },
): Promise<JsonObject[]> {
  const rows: JsonObject[] = [];
  const source = await openSource(part, header, {
    signal,
    replaced: { nonFinite: 0, largeIntegers: 0, roundedNumbers: 0, invalidTexts: 0 },
    onDropped: () => {},
    onProgress: () => {},
  });
  try {
    for await (const batch of source.batches(null)) {
      rows.push(...batch.slice(0, DETECTION_SAMPLE - rows.length).map(({ value }) => value));
      if (rows.length >= DETECTION_SAMPLE) break;
    }
  } finally {
    await source.close();
  }
  return rows;
}

function pathsOf(row: JsonObject): Inspection["columns"] {
  const found: Inspection["columns"] = [];
  const visit = (value: unknown, path: string, depth: number) => {
    if (found.length >= MOST_COLUMNS) return;
    if (path !== "") found.push({ path, preview: previewOf(value) });
    if (value === null || typeof value !== "object" || depth === DEEPEST) return;
    const entries: [string, unknown][] = Array.isArray(value) ? [["0", value[0]]] : Object.entries(value);
    for (const [key, item] of entries)
      if (item !== undefined) visit(item, path === "" ? key : `${path}.${key}`, depth + 1);
  };
  visit(row, "", 0);
  return found;
}

function previewOf(value: unknown): string {
  if (typeof value === "string") return cut(value.trim());
  if (Array.isArray(value)) return `[${value.length}]`;
  if (value !== null && typeof value === "object") return `{${cut(Object.keys(value).join(", "))}}`;
  return cut(String(value));
}

function cut(text: string): string {
  const line = text.slice(0, LONGEST_PREVIEW * 2).replace(/\s+/g, " ");
  return line.length > LONGEST_PREVIEW ? `${line.slice(0, LONGEST_PREVIEW)}…` : line;
}
