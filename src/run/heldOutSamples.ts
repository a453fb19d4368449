import { createHash } from "node:crypto";
import { join } from "node:path";
import { checkRow, readRow } from "../dataset/checkRow";
import { LineReader } from "../dataset/lines";
import { detectFileDialect } from "../dataset/readDataset";
import { parseLine } from "../dataset/rows";
import type { Sample } from "../dataset/sample";
import type { SamplePrompt } from "../protocol/run";
import { readManifest } from "./dataManifest";
import { PromptRenderer } from "./prompts";
import { documentLayout, placeAt, RecordFile } from "./recordFile";
import { readRunSpec, runPaths } from "./runDirectory";
import { PINNED_SAMPLES, readSamples, SAMPLE_TOKENS, writeSamples } from "./samples";
import { specChoice } from "./sourceRows";

/** Looked at, since some may be too long for an answer beside them. */
const CANDIDATES = 12;

interface Place {
  source: number;
  row: number;
}

/**
 * Pins up to three instructions of the held-out rows, chosen by the seed, in a run whose data have just been prepared;
 * none where prompts are pinned already, or nothing is held out.
 */
export async function pinHeldOutInstructions(directory: string, signal?: AbortSignal): Promise<SamplePrompt[]> {
  if ((await readSamples(directory)).length > 0) return [];
  const { training } = await readRunSpec(directory);
  const places = await choosePlaces(directory, training.seed);
  if (places.length === 0) return [];
  const rows = await readPlaces(directory, places, signal);
  const renderer = await PromptRenderer.ofRun(directory);
  const pinned: SamplePrompt[] = [];
  for (const place of places) {
    const sample = rows.get(keyOf(place));
    const rendered = sample === undefined ? null : await renderer.ofRow(sample, SAMPLE_TOKENS);
    if (rendered === null || pinned.some(({ text }) => text === rendered.text)) continue;
    pinned.push({ id: `row-${place.source}-${place.row}`, ...rendered, maxTokens: SAMPLE_TOKENS });
    if (pinned.length === PINNED_SAMPLES) break;
  }
  if (pinned.length > 0) await writeSamples(directory, pinned);
  return pinned;
}

const keyOf = ({ source, row }: Place) => `${source}:${row}`;

/** In an order that the seed decides and the number of rows does not. */
async function choosePlaces(directory: string, seed: number): Promise<Place[]> {
  const file = await RecordFile.open(join(runPaths(directory).data, "eval.documents"), documentLayout);
  let chosen: (Place & { rank: string })[] = [];
  try {
    for (let at = 0; at < file.records; ) {
      const records = await file.read(at);
      const count = records.length / documentLayout.recordBytes;
      if (count === 0) break;
      for (let index = 0; index < count; index++) {
        const place = placeAt(records, index * documentLayout.recordBytes);
        const rank = createHash("sha1")
          .update(`${seed}\nsample\n${keyOf(place)}`)
          .digest("hex");
        chosen.push({ ...place, rank });
      }
      chosen = chosen.sort((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, CANDIDATES);
      at += count;
    }
  } finally {
    await file.close();
  }
  return chosen.map(({ source, row }) => ({ source, row }));
}

async function readPlaces(directory: string, places: readonly Place[], signal?: AbortSignal) {
  const { sources } = await readManifest(directory);
  const rows = new Map<string, Sample>();
  for (const [index, source] of sources.entries()) {
    const wanted = new Set(places.filter((place) => place.source === index).map(({ row }) => row));
    if (wanted.size === 0) continue;
    const dialect = await detectFileDialect(source.path, await specChoice(directory, source), signal);
    if (dialect === null) continue;
    const last = Math.max(...wanted);
    for await (const lines of new LineReader(source.path, { hash: false }).batches(signal)) {
      for (const line of lines) {
        if (!wanted.has(line.number)) continue;
        const value = parseLine(line)?.value;
        if (value === undefined || checkRow(value, dialect).length > 0) continue;
        rows.set(keyOf({ source: index, row: line.number }), readRow(value, dialect));
      }
      if ((lines.at(-1)?.number ?? 0) >= last) break;
    }
  }
  return rows;
}
