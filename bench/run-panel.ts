/**
 * How a run of 100,000 steps weighs on the extension host, without VS Code around it: reading it, handing its curves to
 * a page as VS Code does (JSON with the columns beside it), and following it as it grows. Bars: the event loop is never
 * held up for more than 20 ms, a panel has its curves within 1 s of opening, and an event is with the page within 150 ms
 * of being on the disk (p95).
 *
 *   npm run bench:runs [-- STEPS]
 */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { CurveFeed } from "../src/extension/panels/curveFeed";
import type { CurvePiece, SeriesName } from "../src/protocol/curveView";
import { stepsOf } from "../src/protocol/seriesPiece";
import { runPaths } from "../src/run/runDirectory";
import { RunMonitor } from "../src/run/runMonitor";
import { saveCsv } from "../src/run/saveCsv";
import { stepEvent, writeLongRun } from "./data/longRun";

const ROUNDS = 3;
const FOLLOWED = 100;
/** Between two steps that are followed. */
const STEP_MS = 25;
const series: readonly SeriesName[] = ["loss", "evalLoss", "learningRate", "gradientNorm", "tokensPerSecond", "memory"];

interface Round<T> {
  result: T;
  took: number;
  longestBlock: number;
}

async function round<T>(work: () => Promise<T>): Promise<Round<T>> {
  // What the bench itself left behind is not the host's.
  globalThis.gc?.();
  await delay(100);
  const blocks = monitorEventLoopDelay({ resolution: 1 });
  blocks.enable();
  const begun = performance.now();
  const result = await work();
  const took = performance.now() - begun;
  await delay(5);
  blocks.disable();
  // The timer that measures sleeps a millisecond by itself.
  return { result, took, longestBlock: blocks.max / 1e6 - 1 };
}

/** How long the loop was held up at most, and how long it took: of the calmest of some rounds, as others use the machine. */
async function measured<T>(name: string, work: () => Promise<T>): Promise<T> {
  const rounds: Round<T>[] = [];
  while (rounds.length < ROUNDS) rounds.push(await round(work));
  const calmest = rounds.reduce((best, next) => (next.longestBlock < best.longestBlock ? next : best));
  const all = rounds.map(({ longestBlock }) => longestBlock.toFixed(1)).join(", ");
  console.log(
    `${name.padEnd(32)} ${calmest.took.toFixed(0).padStart(6)} ms   longest block ${calmest.longestBlock.toFixed(1)} ms (${all})`,
  );
  return calmest.result;
}

/** What VS Code does with a message before it leaves the host: typed arrays go beside the JSON. */
function serialised(piece: CurvePiece): number {
  const buffers: ArrayBufferLike[] = [];
  const text = JSON.stringify(piece, (_key, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return value;
    buffers.push(value.buffer.slice(0));
    return buffers.length;
  });
  return text.length + buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

async function openPanel(monitor: RunMonitor): Promise<number> {
  let bytes = 0;
  const feed = new CurveFeed(
    "bench",
    series,
    () => monitor.history,
    (piece) => (bytes += serialised(piece)),
  );
  await feed.send();
  return bytes;
}

async function writeCsv(monitor: RunMonitor, file: string): Promise<void> {
  await saveCsv(monitor.history, file);
}

/** Milliseconds from an event's being written to its point's being posted, for each of some that follow the last. */
async function follow(directory: string): Promise<number[]> {
  const written = new Map<number, number>();
  const latencies: number[] = [];
  const monitor = await RunMonitor.open(directory);
  const feed = new CurveFeed(
    "bench",
    series,
    () => monitor.history,
    (piece) => {
      serialised(piece);
      const { loss } = piece.series;
      for (const step of loss === undefined ? [] : stepsOf(loss)) {
        const at = written.get(step);
        if (at !== undefined) latencies.push(performance.now() - at);
      }
    },
  );
  await feed.send();
  await monitor.follow(() => void feed.send());
  await delay(500);
  const from = monitor.history.step;
  for (let step = from + 1; step <= from + FOLLOWED; step++) {
    written.set(step, performance.now());
    appendFileSync(runPaths(directory).events, `${JSON.stringify(stepEvent(step, Date.now()))}\n`);
    await delay(STEP_MS);
  }
  await delay(300);
  await monitor.close();
  return latencies.sort((a, b) => a - b);
}

async function main(): Promise<void> {
  const steps = Number(process.argv[2] ?? 100_000);
  const folder = mkdtempSync(join(tmpdir(), "tunesmith-bench-"));
  try {
    console.log(`${cpus().length} cores of ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, ${steps} steps`);
    const directory = await writeLongRun(folder, steps);
    const monitor = await measured("reading the run", () => RunMonitor.open(directory));
    const bytes = await measured("handing its curves to a page", () => openPanel(monitor));
    console.log(`  ${(bytes / 1e6).toFixed(1)} MB`);
    await measured("writing all series as CSV", () => writeCsv(monitor, join(folder, "curves.csv")));
    const latencies = await measured(`opening and following ${FOLLOWED} steps`, () => follow(directory));
    const at = (share: number) =>
      latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
    console.log(
      `  ${latencies.length} points; written → posted: p50 ${at(0.5).toFixed(1)} ms, p95 ${at(0.95).toFixed(1)} ms, most ${at(1).toFixed(1)} ms`,
    );
    await monitor.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
