import { stat } from "node:fs/promises";
import { checkRow } from "../dataset/checkRow";
import type { DialectChoice } from "../dataset/formats/detect";
import type { Dialect } from "../dataset/formats/format";
import { LineReader } from "../dataset/lines";
import { detectFileDialect } from "../dataset/readDataset";
import { parseLine } from "../dataset/rows";
import { titleOf } from "../dataset/statistics/reportFollower";
import type { SourceState } from "../protocol/rowsView";
import type { ManifestSource } from "./dataManifest";
import { readRunSpec } from "./runDirectory";

/** A larger file is told from the one of the run by its size alone: hashing it would take longer than a person waits. */
const MOST_HASHED = 256 * 1024 * 1024;

export interface SourceReading {
  state: SourceState;
  /** Row → how it begins, in one line. */
  previews: Map<number, string>;
}

/** What the run was told of how the source's rows are written. */
export async function specChoice(directory: string, source: ManifestSource): Promise<DialectChoice> {
  const { dataset } = await readRunSpec(directory);
  const known = [dataset, ...(dataset.mixture ?? [])].find(({ path }) => path === source.path);
  // A file of held-out rows is written as the data set is.
  const { format, fields } = known ?? dataset;
  return { format, mapping: fields };
}

/** Reads the file once, up to the last wanted row at least. A file that cannot be read counts as missing. */
export async function readSource(
  source: Pick<ManifestSource, "path" | "sha256" | "bytes">,
  choice: DialectChoice,
  rows: ReadonlySet<number>,
  signal?: AbortSignal,
): Promise<SourceReading> {
  const size = await plainFileSize(source.path);
  if (size === null) return { state: "missing", previews: new Map() };
  const hash = size === source.bytes && size <= MOST_HASHED;
  const dialect = rows.size === 0 ? null : await detectFileDialect(source.path, choice, signal).catch(() => null);
  const reader = new LineReader(source.path, { hash });
  const previews = new Map<number, string>();
  if (rows.size > 0 || hash) await readLines(reader, hash, rows, dialect, previews, signal);
  const same = size === source.bytes && (!hash || reader.sha256() === source.sha256);
  return { state: same ? "unchanged" : "changed", previews };
}

async function readLines(
  reader: LineReader,
  whole: boolean,
  rows: ReadonlySet<number>,
  dialect: Dialect | null,
  previews: Map<number, string>,
  signal?: AbortSignal,
): Promise<void> {
  const last = Math.max(0, ...rows);
  for await (const lines of reader.batches(signal)) {
    for (const line of lines) {
      if (rows.has(line.number)) previews.set(line.number, previewOf(line, dialect));
    }
    if (!whole && (lines.at(-1)?.number ?? 0) >= last) return;
  }
}

/** How the instruction begins, or the line where it cannot be read as a row. */
function previewOf(line: Parameters<typeof parseLine>[0], dialect: Dialect | null): string {
  const value = parseLine(line)?.value;
  if (dialect !== null && value !== undefined && checkRow(value, dialect).length === 0) {
    const texts = dialect.format.texts(value as Record<string, unknown>, dialect.layout);
    const instruction = texts.find(({ role, text }) => role === "instruction" && text.trim() !== "");
    if (instruction !== undefined) return titleOf(instruction.text);
  }
  return titleOf(line.text ?? "");
}

async function plainFileSize(path: string): Promise<number | null> {
  return stat(path).then(
    (status) => (status.isFile() ? status.size : null),
    () => null,
  );
}
