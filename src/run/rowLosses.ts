import { join } from "node:path";
import type { RowLossReport } from "../protocol/rowsView";
import { type ManifestSummary, readManifest } from "./dataManifest";
import { documentLayout, placeAt, RecordFile } from "./recordFile";
import { runPaths } from "./runDirectory";
import { RunError } from "./runError";
import { readSource, type SourceReading, specChoice } from "./sourceRows";

const lossLayout = { magic: "TSLOSSES", headerBytes: 24, recordBytes: 16 };

/** Rows that are listed. */
const LISTED = 50;
/** Of each source, how many are marked in the editor at most. */
const MARKED = 200;
const MARKED_SHARE = 0.05;

/** What a row cost when a pass met it. */
export interface RowLoss {
  /** Index into the manifest's sources. */
  source: number;
  /** 1-based line. */
  row: number;
  tokens: number;
  targets: number;
  /** Mean over the targets, nats. */
  loss: number;
  step: number;
}

/**
 * The rows that the pass (1-based) has met, in the order of data/train.documents, in pieces. A row that a mixture takes
 * more than once comes as often. Throws one sentence where a file is absent or damaged.
 */
export async function* rowLossesOf(directory: string, pass: number, signal?: AbortSignal): AsyncGenerator<RowLoss[]> {
  const documents = await RecordFile.open(join(runPaths(directory).data, "train.documents"), documentLayout);
  try {
    const losses = await RecordFile.open(join(directory, "row-losses", `pass-${pass}.losses`), lossLayout);
    try {
      if (losses.header.readBigUInt64LE(16) !== BigInt(documents.records)) {
        throw new RunError(`${losses.path} is of other data than ${documents.path}.`);
      }
      for (let at = 0; at < losses.records; ) {
        signal?.throwIfAborted();
        const values = await losses.read(at);
        const places = await documents.read(at);
        const count = Math.min(values.length / lossLayout.recordBytes, places.length / documentLayout.recordBytes);
        if (count === 0) return;
        yield meetRows(values, places, count);
        at += count;
      }
    } finally {
      await losses.close();
    }
  } finally {
    await documents.close();
  }
}

/** Records of both files for the same documents, in one; without those that the pass has not met. */
function meetRows(values: Buffer, places: Buffer, count: number): RowLoss[] {
  const rows: RowLoss[] = [];
  for (let index = 0; index < count; index++) {
    const value = index * lossLayout.recordBytes;
    const place = index * documentLayout.recordBytes;
    const loss = values.readFloatLE(value);
    if (!Number.isFinite(loss)) continue;
    rows.push({
      ...placeAt(places, place),
      tokens: places.readUInt32LE(place + 8),
      targets: values.readUInt32LE(value + 8),
      loss,
      step: values.readUInt32LE(value + 4),
    });
  }
  return rows;
}

/** The rows with the highest losses, each once; memory is bounded however many go by. */
class WorstRows {
  #kept = new Map<string, RowLoss>();
  #floor = Number.NEGATIVE_INFINITY;

  constructor(private readonly limit: number) {}

  add(row: RowLoss): void {
    if (row.loss <= this.#floor) return;
    const key = `${row.source}:${row.row}`;
    const known = this.#kept.get(key);
    if (known === undefined || known.loss < row.loss) this.#kept.set(key, row);
    if (this.#kept.size > 2 * this.limit) this.#prune();
  }

  #prune(): void {
    const worst = this.list();
    this.#floor = worst.at(-1)!.loss;
    this.#kept = new Map(worst.map((row) => [`${row.source}:${row.row}`, row]));
  }

  /** The highest first. */
  list(): RowLoss[] {
    return [...this.#kept.values()]
      .sort((a, b) => b.loss - a.loss || a.source - b.source || a.row - b.row)
      .slice(0, this.limit);
  }
}

/** The rows that cost most in a pass, of a run whose data files may have changed since. */
export async function reportRowLosses(directory: string, pass: number, signal?: AbortSignal): Promise<RowLossReport> {
  const manifest = await readManifest(directory);
  const worst = new WorstRows(LISTED);
  const ofSource = manifest.sources.map(() => ({ worst: new WorstRows(MARKED), met: 0 }));
  const losses = new GrowingFloats();
  for await (const rows of rowLossesOf(directory, pass, signal)) {
    for (const row of rows) {
      const own = ofSource[row.source];
      if (own === undefined) continue;
      losses.add(row.loss);
      own.met++;
      own.worst.add(row);
      worst.add(row);
    }
  }
  if (losses.length === 0) throw new RunError(`Pass ${pass} of the run in ${directory} has met no row.`);
  const listed = worst.list();
  const readings = await readSources(directory, manifest, listed, signal);
  return {
    pass,
    met: losses.length,
    median: losses.median(),
    sources: manifest.sources.map(({ path }, index) => ({ path, state: readings[index]!.state })),
    worst: listed.map((row) => ({ ...row, preview: readings[row.source]?.previews.get(row.row) ?? "" })),
    marked: ofSource.map(({ worst: rows, met }) =>
      rows
        .list()
        .slice(0, Math.ceil(met * MARKED_SHARE))
        .map(({ row, loss }) => ({ row, loss })),
    ),
  };
}

/** Each source of the run: whether it is still what it was, and how the given rows begin. */
export async function readSources(
  directory: string,
  { sources }: ManifestSummary,
  rows: readonly { source: number; row: number }[],
  signal?: AbortSignal,
): Promise<SourceReading[]> {
  const readings: SourceReading[] = [];
  for (const [index, source] of sources.entries()) {
    const wanted = new Set(rows.filter((row) => row.source === index).map(({ row }) => row));
    readings.push(await readSource(source, await specChoice(directory, source), wanted, signal));
  }
  return readings;
}

/** Numbers without an object each. */
class GrowingFloats {
  #values = new Float32Array(4096);
  length = 0;

  add(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float32Array(this.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  /** Of at least one number: the middle one in their order, or the mean of both. */
  median(): number {
    const sorted = this.#values.slice(0, this.length).sort();
    const middle = this.length >> 1;
    return this.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  }
}
